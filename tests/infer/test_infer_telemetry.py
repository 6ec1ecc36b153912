"""Neither ONNX Runtime nor OpenVINO sends anything to its maker, or keeps a number for this computer."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SESSION = """
import sys
{first}
import onnxruntime
onnxruntime.set_default_logger_severity(4)
onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
"""
OPENVINO = """
import sys
{first}
import openvino
core = openvino.Core()
request = core.compile_model(core.read_model(open(sys.argv[1], "rb").read()), "CPU").create_infer_request()
request.infer([__import__("numpy").zeros((1, 256, 256, 3), "uint8")])
"""
MODEL = Path(__file__).resolve().parents[2] / "models" / "bsdata-pitting" / "model.onnx"


def kept_in(home: Path, session: str) -> list[str]:
    """Return what the program of a session leaves in an empty home."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_", "CI"))}
    subprocess.run(
        [sys.executable, "-c", session, str(MODEL)],
        env=environment | {"HOME": str(home)},
        timeout=50,
        check=True,
    )
    return [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("room", ["edge_inspector.infer.providers", "export"])
def test_a_session_keeps_no_number_for_this_computer(tmp_path: Path, room: str) -> None:
    assert kept_in(tmp_path, SESSION.format(first=f"import {room}")) == []


def test_openvino_keeps_no_number_for_this_computer(tmp_path: Path) -> None:
    assert kept_in(tmp_path, OPENVINO.format(first="import edge_inspector.infer.open_vino")) == []


CALLS_WITHIN_S = 60.0
"""A bare runtime looks its maker's name up 9 s after its import (1.31.1), later on a busy computer."""
LOOKED_ON_S = 15.0
"""OpenVINO calls while it is imported (2026.4.1); a later one may wait as ONNX Runtime does."""
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
BARE = "import onnxruntime; onnxruntime.disable_telemetry_events()"


def _is_refused() -> bool:
    tools = all(shutil.which(tool) for tool in ("unshare", "strace"))
    return not tools or subprocess.run([*WATCHED, "-o", "/dev/null", "true"], check=False).returncode != 0


@contextmanager
def watched(folder: Path, session: str) -> Iterator[Path]:
    """Run a session that stays; give the file of its calls."""
    folder.mkdir()
    environment = {"PATH": os.environ["PATH"]}  # with CI=true it calls nobody by itself
    code = session + "import time\ntime.sleep(300)\n"
    words = [*WATCHED, "-o", str(folder / "calls"), sys.executable, "-c", code, str(MODEL)]
    with subprocess.Popen(words, env=environment | {"HOME": str(folder)}, start_new_session=True) as process:
        try:
            yield folder / "calls"
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def has_called(calls: Path) -> bool:
    return calls.exists() and "AF_INET" in calls.read_text(errors="replace")


@pytest.mark.timeout(150)
@pytest.mark.skipif(_is_refused(), reason="unshare or strace is refused")
def test_a_session_looks_up_no_name_and_one_without_our_word_does(tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        watched(tmp_path / "line", SESSION.format(first="import edge_inspector.infer.providers")) as line,
        watched(tmp_path / "export", SESSION.format(first="import export")) as export,
        watched(tmp_path / "bare", SESSION.format(first=BARE)) as bare,
    ):
        while not has_called(bare):
            assert time.monotonic() - began < CALLS_WITHIN_S, "the bare runtime calls nobody: is there another switch?"
            time.sleep(0.2)
        time.sleep(0.5 * (time.monotonic() - began))  # the others began at the same time and get half as much again

        assert not has_called(line)
        assert not has_called(export)


@pytest.mark.timeout(150)
@pytest.mark.skipif(_is_refused(), reason="unshare or strace is refused")
def test_openvino_looks_up_no_name_and_one_without_our_word_does(tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        watched(tmp_path / "line", OPENVINO.format(first="import edge_inspector.infer.open_vino")) as line,
        watched(tmp_path / "bare", OPENVINO.format(first="")) as bare,
    ):
        while not has_called(bare):
            assert time.monotonic() - began < CALLS_WITHIN_S, "the bare library calls nobody: is there another switch?"
            time.sleep(0.2)
        time.sleep(LOOKED_ON_S)

        assert not has_called(line)
    assert list((tmp_path / "bare").glob("intel/*")), "the bare library keeps no number: is there another switch?"
    assert [path.name for path in (tmp_path / "line").rglob("*")] == ["calls"]
