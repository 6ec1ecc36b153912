"""A drill that is killed, or loses its line: what it started ends, and drill mode with it or by its time."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from daemon import PROGRAM, Line, wait_until

from edge_inspector.core.errors import ProcessError
from edge_inspector.run.control import ask_daemon

MakeLine = Callable[..., Line]
CAMERA = {"rate_hz": 20.0, "defect_every": 5, "wait_for_subscribers": 0}
REPORT = "drills/drill-*.md"


def drill(line: Line, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, *PROGRAM, "drill", "--config", str(line.config), "--yes", "--reason", "try", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def status(line: Line) -> dict[str, Any]:
    """What the daemon says of drill mode; empty while none answers."""
    with suppress(ProcessError):
        return ask_daemon(line.folder / "state", {"op": "drill_status"}, 5.0)
    return {}


def audit(line: Line) -> list[tuple[str, str | None]]:
    rows = [json.loads(row) for row in (line.folder / "state" / "audit.jsonl").read_text().splitlines()]
    return [(row["event"], row.get("why")) for row in rows]


def state_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return "gone"


def subscribers(line: Line) -> list[str]:
    """Recorders of a drill of this line."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if b"edge_inspector.drill.recorder" in words and line.endpoints["signals"].encode() in words:
                found.append(entry.name)
    return found


def has_ended(fd: int, timeout_s: float) -> bool:
    return bool(select.select([fd], [], [], timeout_s)[0])


@pytest.mark.timeout(120)
def test_a_daemon_that_the_drill_started_stops_in_good_order_when_the_drill_is_killed(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA)
    killed = drill(line, "--start", "--only", "inspect-frozen")
    try:
        pid = int(wait_until(lambda: status(line).get("drill") and status(line)["pid"], 40, "drill mode"))
        main = os.pidfd_open(pid)
        wait_until(lambda: subscribers(line), 20, "the drill's subscriber")
    finally:
        killed.kill()  # -9
        killed.communicate()

    try:
        is_gone = has_ended(main, 30)
    finally:
        os.close(main)
    wait_until(lambda: not subscribers(line), 20, "the drill's subscriber to end")

    assert is_gone
    assert audit(line)[-2:] == [("drill_off", "stop"), ("line_stopped", None)]
    assert not (line.folder / "state" / "drill.json").exists()


@pytest.mark.timeout(120)
def test_a_killed_drill_leaves_no_plug_out_and_its_mode_ends_by_its_time(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA, drill={"max_minutes": 0.25}).start()
    wait_until(lambda: line.figure("ready") == 1.0, 40, "the line to be ready")
    frozen = line.child("inspect")
    killed = drill(line, "--only", "inspect-frozen")
    try:
        wait_until(lambda: state_of(frozen) == "T", 40, "the inspect process to be frozen")
    finally:
        killed.kill()  # -9
        killed.communicate()
    was_on = status(line)["drill"]

    wait_until(lambda: line.has_ended(frozen, 0.0), 30, "the frozen process to be replaced")
    wait_until(lambda: line.figure("drill_seconds_left") == 0.0, 30, "drill mode to end by its time")
    wait_until(lambda: line.figure("ready") == 1.0, 40, "the line to be ready again")
    wait_until(lambda: not subscribers(line), 20, "the drill's subscriber to end")

    assert was_on
    assert not status(line)["drill"]
    assert ("drill_off", "time") in audit(line)
    assert line.stop() == 0


@pytest.mark.timeout(150)
def test_a_main_that_dies_for_good_in_a_drill_is_a_failure_with_a_report_and_its_successor_says_drill(
    make_line: MakeLine,
) -> None:
    line = make_line(camera=CAMERA).start()
    wait_until(lambda: line.figure("ready") == 1.0, 40, "the line to be ready")
    frozen = line.child("inspect")
    left = drill(line, "--only", "inspect-frozen", "--back-within", "5")
    try:
        wait_until(lambda: state_of(frozen) == "T", 40, "the inspect process to be frozen")
        assert line.process is not None
        line.process.kill()
        line.wait_exit(10)
        _, said = left.communicate(timeout=60)
    finally:
        left.kill()
    (report,) = (line.folder / "state").glob(REPORT)

    line.start()
    resumed = wait_until(lambda: status(line), 40, "the successor")
    wait_until(lambda: line.figure("ready") == 1.0, 40, "the line to be ready")
    command = [sys.executable, *PROGRAM, "drill", "off", "--config", str(line.config)]
    off = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert left.returncode == 70
    assert "drill mode could not be switched off" in said
    assert "Traceback" not in said
    assert report.read_text().startswith("# Drill of line e2e: FAIL")
    assert resumed["drill"]
    assert "at work" in off.stdout
    assert line.stop() == 0
