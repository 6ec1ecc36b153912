"""Triggers that the camera could not take, told by its event: each is a part of its own, in its place."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon import wait_until
from fault_cases import JUDGED
from simulated_line import COUNTS_PER_MM, MODEL_REASONS, STEP_MM, TRIGGERED, SimulatedLine, reason_of

from edge_inspector.simulator.build import find_compiler
from edge_inspector.simulator.faults import Fault

if find_compiler() is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

PARTS_PER_S = 50.0
SLOW_US = 27_000.0
"""An exposure that lasts longer than it takes to the next part: every second part comes during one."""
BY_EVENT = {"trigger_count": {"source": "over_trigger"}}


@pytest.fixture
def line(tmp_path: Path) -> Iterator[SimulatedLine]:
    with SimulatedLine(tmp_path, camera=BY_EVENT) as line:
        yield line


def is_all_said(line: SimulatedLine) -> bool:
    body = line.beats()[-1].body
    return bool(body["triggers"] == line.camera.truth.edges and body["in_flight"] == 0)


def test_a_part_that_comes_while_the_camera_is_busy_is_lost_in_its_place(line: SimulatedLine) -> None:
    line.fire(2)
    line.camera.fail(Fault.OVER_TRIGGER, once=2)
    line.fire(4)
    bodies = line.verdicts(6)

    assert [reason_of(body) for body in bodies] == [JUDGED, JUDGED, "frame_lost", "frame_lost", JUDGED, JUDGED]
    assert [body["frame_id"] for body in bodies] == [0, 1, -1, -1, 2, 3]  # the camera left no gap in its numbers
    assert [body["part_id"] for body in bodies] == list(range(bodies[0]["part_id"], bodies[0]["part_id"] + 6))
    wait_until(lambda: is_all_said(line), 5.0, "every trigger to have its verdict")
    assert line.camera.truth.over_triggers == 2


def test_one_after_which_nothing_comes_is_told_all_the_same(line: SimulatedLine) -> None:
    line.fire()
    line.camera.fail(Fault.OVER_TRIGGER, once=1)
    line.fire()

    assert [reason_of(body) for body in line.verdicts(2)] == [JUDGED, "frame_lost"]
    assert line.camera.truth.edges == 2


@pytest.mark.fault(
    9,
    injected="parts at twice the rate that the camera can expose, some frames lost on top",
    seen="each missed part is UNKNOWN `frame_lost` in its place, by the camera's over-trigger event",
    noticed="with the part",
)
def test_a_line_that_is_too_fast_for_its_camera_knows_which_parts_it_did_not_see(tmp_path: Path) -> None:
    camera = BY_EVENT | {"features": TRIGGERED | {"ExposureTime": SLOW_US}}
    with SimulatedLine(tmp_path, camera=camera) as line:
        line.controls.conveyor.bring(PARTS_PER_S)
        line.verdicts(60, timeout_s=20.0)
        line.camera.fail(Fault.DROP, every=4)  # frames get lost on the way as well
        line.verdicts(160, timeout_s=20.0)
        line.camera.mend()
        line.verdicts(200, timeout_s=20.0)
        line.controls.conveyor.run(0.0)
        line.camera.settle()
        wait_until(lambda: is_all_said(line), 10.0, "every trigger to have its verdict")
        bodies, truth = line.verdicts(0), line.camera.truth

        assert line.line.stop() == 0
    judged = [body for body in bodies if body["reason"] in MODEL_REASONS]
    assert truth.over_triggers > 50
    assert len(bodies) == truth.edges == truth.exposed + truth.over_triggers
    assert {body["reason"] for body in bodies if body not in judged} == {"frame_lost"}
    first = bodies[0]["part_id"]
    assert [part_at(body) for body in judged] == [body["part_id"] - first + 1 for body in judged]
    times = [body["t_trigger_utc_us"] for body in bodies]
    assert all(before <= after for before, after in itertools.pairwise(times))


def part_at(body: dict[str, Any]) -> int:
    """The number of the part that stood before the camera, by the encoder; a count may be one short."""
    return int((body["enc_trigger"] + 1) // round(STEP_MM * COUNTS_PER_MM))
