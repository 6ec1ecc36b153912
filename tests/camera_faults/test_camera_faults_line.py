"""Faults of the whole camera: the line is not ready in time, and in use again in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from camera_faults_page import camera_faults_page
from daemon import Line, wait_until
from fault_cases import JUDGED, LINES, LineCase
from noticing import Noticed
from simulated_line import SimulatedLine, reason_of
from witness import READY

from edge_inspector.simulator.build import find_compiler

if find_compiler() is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[2]
GONE = {"camera_process_lost", "camera_error"}
HEARTBEAT_S = 1.0
"""Of the camera: how long it stays held after a process was killed."""
NOISE_S = 2.0
"""What a busy machine may add to a limit here; the page states the limit without it."""


@pytest.fixture
def line(tmp_path: Path) -> Iterator[SimulatedLine]:
    with SimulatedLine(tmp_path) as line:
        yield line


@pytest.mark.fault(
    2,
    injected="the simulated camera loses its power, its registers hang, its registers fail",
    seen="not ready, an event; after the repair it is armed again by itself and judges the next part",
)
@pytest.mark.parametrize("case", LINES, ids=lambda case: case.name)
def test_a_camera_that_is_gone_is_noticed_and_found_again(
    line: SimulatedLine, case: LineCase, noticed: Noticed
) -> None:
    line.fire(2)
    assert [reason_of(body) for body in line.verdicts(2)] == [JUDGED] * 2

    case.begin(line.camera)
    noticed.injected()
    line.wait_beat(lambda body: not body["ready"], case.noticed_s + NOISE_S, "the line to be not ready")
    noticed.seen()
    wait_until(lambda: GONE & {m.body["name"] for m in line.witness.messages("event")}, 10.0, "the process to be gone")
    case.mend(line.camera)
    line.wait_beat(lambda body: body["faults"] == ["resync"], case.back_s + NOISE_S, "the camera to be armed again")
    n = len(line.witness.messages("verdict"))
    line.fire()

    assert reason_of(line.verdicts(n + 1)[n]) == JUDGED
    line.wait_ready()
    assert line.line.stop() == 0
    last = line.beats()[-1].body
    assert (last["in_flight"], last["state"]) == (0, "Halted")


def test_a_camera_process_that_is_killed_is_replaced_and_the_line_is_ready_after_the_next_picture(
    line: SimulatedLine,
) -> None:
    line.fire()
    line.verdicts(1)
    generation = line.beats()[-1].body["enc_gen"]

    os.kill(line.line.child("camera"), signal.SIGKILL)
    line.wait_beat(lambda body: body["faults"] == ["resync"], 10.0, "the camera to be armed again")
    line.fire()
    body = line.verdicts(2)[1]

    assert reason_of(body) == JUDGED
    line.wait_ready()
    assert body["enc_gen"] == generation + 1  # nobody knows what the encoder did meanwhile
    said = line.witness.messages("verdict")[1]
    assert not said.has(READY), "a verdict of a line that is not in step again must not be acted on"


@pytest.mark.fault(
    2,
    injected="SIGKILL to the camera process, three parts pass",
    seen="not ready; the three parts are UNKNOWN `frame_lost`, by the camera's trigger counter",
)
def test_parts_that_pass_while_the_camera_process_is_dead_are_accounted_for(
    line: SimulatedLine, noticed: Noticed
) -> None:
    line.fire()
    line.verdicts(1)

    os.kill(line.line.child("camera"), signal.SIGKILL)
    noticed.injected()
    line.wait_beat(lambda body: not body["ready"], 5.0, "the line to be not ready")
    noticed.seen()
    line.controls.conveyor.fire(3)  # nobody is armed
    line.wait_beat(lambda body: body["faults"] == ["resync"], 10.0, "the camera to be armed again")
    line.fire()

    reasons = [reason_of(body) for body in line.verdicts(5)]
    assert reasons == [JUDGED, "frame_lost", "frame_lost", "frame_lost", JUDGED]
    assert line.beats()[-1].body["triggers"] <= line.controls.conveyor.edges == 5


def test_a_second_daemon_on_one_camera_is_told_that_it_is_in_use_and_has_it_when_the_first_ends(
    line: SimulatedLine,
) -> None:
    line.camera.set_linger_ms(int(HEARTBEAT_S * 1000))
    folder = line.line.folder / "second"
    folder.mkdir()
    with Line(folder) as second:
        config = yaml.safe_load(second.config.read_text())
        config["camera"] = yaml.safe_load(line.line.config.read_text())["camera"]
        second.config.write_text(yaml.safe_dump(config))
        began_s = time.monotonic()
        heard = second.start(line.controls.environment()).listen()
        told = heard.wait_for("event", lambda m: m.body["name"] == "camera_error").body
        denied_s = time.monotonic() - began_s

        assert told["severity"] == "error"
        assert "camera cam0 is in use by another program: it denied access for 4 s" in told["detail"]
        assert "end that program" in told["detail"]
        assert denied_s > HEARTBEAT_S  # a camera that a killed process held would have been free by then
        heard.wait_for("hb", lambda m: m.body["faults"] == ["camera"] and not m.body["ready"])
        line.fire()
        assert reason_of(line.verdicts(1)[0]) == JUDGED  # the first one goes on undisturbed
        assert line.camera.truth.opened == 1

        assert line.line.stop() == 0
        heard.wait_for("hb", lambda m: m.body["ready"])
        line.fire()
        assert reason_of(heard.wait_for_verdicts(1)[0].body) == JUDGED
        assert second.stop() == 0
        assert "Traceback" not in second.stderr()


def test_a_command_for_a_camera_that_a_line_has_ends_with_69(line: SimulatedLine) -> None:
    command = [sys.executable, "-m", "edge_inspector.cli.main", "camera", "snap", "--config", str(line.line.config)]

    told = subprocess.run(
        command, env=line.controls.environment(), capture_output=True, text=True, timeout=30, check=False
    )

    assert told.returncode == 69
    assert "camera cam0 is in use by another program" in told.stderr
    assert "Traceback" not in told.stderr
    line.fire()
    assert reason_of(line.verdicts(1)[0]) == JUDGED


@pytest.mark.fault(
    1,
    injected="the simulated camera is off when the daemon starts",
    seen="heartbeats say fault `camera`, not ready; the camera is looked for until it comes, then the line is ready",
)
def test_a_camera_that_comes_later_than_its_line_is_found(tmp_path: Path, noticed: Noticed) -> None:
    line = SimulatedLine(tmp_path)
    line.camera.lose()
    line.line.__enter__()
    try:
        noticed.injected()
        line.line.start(line.controls.environment())
        line.wait_beat(lambda body: body["faults"] == ["camera"], 20.0, "the line to miss its camera")
        noticed.seen()

        line.camera.come_back()

        line.wait_ready()
        assert line.line.stop() == 0
    finally:
        line.line.__exit__(None, None, None)


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "reference" / "camera-faults.md").read_text() == camera_faults_page()
