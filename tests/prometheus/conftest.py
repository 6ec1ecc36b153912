"""These tests drive the daemon of tests/end_to_end."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))
sys.path.append(str(Path(__file__).resolve().parents[2] / "config" / "grafana"))
