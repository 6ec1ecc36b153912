"""ONNX Runtime sends nothing to its maker, and keeps no number for this computer."""

from __future__ import annotations

import os
import shutil
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


SENDS_AFTER_S = 14.0
"""It looks its maker's name up 9 s after its import (1.31.1), `disable_telemetry_events` or not."""
WATCHED = [
    "unshare",
    "--net",
    "strace",
    "-f",
    "-qq",
    "-e",
    "trace=connect,sendto,sendmsg,sendmmsg",
    "-e",
    "signal=none",
]


def _is_refused() -> bool:
    tools = all(shutil.which(tool) for tool in ("unshare", "strace"))
    return not tools or subprocess.run([*WATCHED, "-o", "/dev/null", "true"], check=False).returncode != 0


@pytest.mark.timeout(60)
@pytest.mark.skipif(_is_refused(), reason="unshare or strace is refused")
def test_a_session_looks_up_no_name_and_one_without_our_word_would(tmp_path: Path) -> None:
    bare = "import onnxruntime; onnxruntime.disable_telemetry_events()"
    programs = {"line": "import edge_inspector.infer.providers", "export": "import export", "bare": bare}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    running = []
    for name, first in programs.items():
        code = SESSION.format(first=first) + f"import time\ntime.sleep({SENDS_AFTER_S})\n"
        words = [*WATCHED, "-o", str(tmp_path / name), sys.executable, "-c", code, str(MODEL)]
        running.append(subprocess.Popen(words, env=environment | {"HOME": str(tmp_path / f"{name}-home")}))

    ended = [process.wait(50) for process in running]

    assert ended == [0, 0, 0]
    reached = {name: "AF_INET" in (tmp_path / name).read_text() for name in programs}
    assert reached == {"line": False, "export": False, "bare": True}
