"""The workstation's tests are there where its extra is installed: `pip install -e '.[export]'`."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

# `export` is a program beside the package, not part of what is installed: it is found in the project's root.
sys.path.insert(0, str(Path(__file__).parents[2]))

collect_ignore_glob = [] if all(map(find_spec, ("torch", "onnxscript", "sklearn"))) else ["test_*.py", "*/test_*.py"]
