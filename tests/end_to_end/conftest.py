"""Fixtures of the end-to-end tests: the real program in processes of its own, and a witness beside it."""

from __future__ import annotations

import sys
from pathlib import Path

# tests/ holds the fakes; pytest puts only the folder of a test file on the path.
sys.path.insert(0, str(Path(__file__).parents[1]))
