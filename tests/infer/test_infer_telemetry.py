"""ONNX Runtime sends nothing to its maker, and keeps no number for this computer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SESSION = """
import sys
{first}
import onnxruntime
onnxruntime.set_default_logger_severity(4)
onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
"""
MODEL = Path(__file__).resolve().parents[2] / "models" / "bsdata-pitting" / "model.onnx"


def kept_in(home: Path, first: str) -> list[str]:
    """Return what a session leaves in an empty home, with a first line of its program."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    subprocess.run(
        [sys.executable, "-c", SESSION.format(first=first), str(MODEL)],
        env=environment | {"HOME": str(home)},
        timeout=50,
        check=True,
    )
    return [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("room", ["edge_inspector.infer.providers", "export"])
def test_a_session_keeps_no_number_for_this_computer(tmp_path: Path, room: str) -> None:
    assert kept_in(tmp_path, f"import {room}") == []
