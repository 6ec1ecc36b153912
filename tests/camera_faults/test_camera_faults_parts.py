"""Faults of single parts: the line says what is wrong with exactly that part, and goes on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import wait_until
from fault_cases import JUDGED, PARTS, PartCase
from simulated_line import SimulatedLine, reason_of

from edge_inspector.simulator.build import find_compiler

if find_compiler() is None:
    pytest.skip("there is no C compiler", allow_module_level=True)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedLine]:
    """One line through which all faults go, one after the other."""
    folder: Path = tmp_path_factory.mktemp("line")
    with SimulatedLine(folder) as line:
        yield line


@pytest.mark.fault(
    4,
    injected="one frame of another size, larger than its buffer, of a maker's own format",
    seen="UNKNOWN `frame_invalid` for that part; its neighbours are judged",
    noticed="with the part",
)
@pytest.mark.fault(
    5,
    injected="one frame lost, with packets missing, cut off",
    seen="UNKNOWN `frame_lost`, `frame_incomplete`, `frame_invalid` for that part",
    noticed="with the part",
)
@pytest.mark.fault(
    6,
    injected="one frame with the number of the one before, delivered twice, after its successor",
    seen="one verdict for each trigger; UNKNOWN `frame_invalid` or `frame_lost`, the rest is counted as discarded",
    noticed="with the part",
)
@pytest.mark.fault(
    7,
    injected="the camera misses a trigger, with and without a gap in frame numbers",
    seen="UNKNOWN `frame_lost` for that part, by the trigger counter",
    noticed="with the part",
)
@pytest.mark.fault(
    8,
    injected="the camera sends a frame that no part triggered",
    seen="a verdict UNKNOWN `frame_invalid` of its own; later parts keep their pictures",
    noticed="with the part",
)
@pytest.mark.fault(
    12,
    injected="the encoder jumps, begins at 0, counts the other way",
    seen="UNKNOWN `encoder` until the third believable count; `enc_gen` rises",
    noticed="with the part",
)
@pytest.mark.parametrize("case", PARTS, ids=lambda case: case.name)
def test_a_fault_is_told_of_exactly_its_part(line: SimulatedLine, case: PartCase) -> None:
    line.camera.mend()
    before = len(line.witness.messages("verdict"))
    edges_before = line.controls.conveyor.edges

    line.fire()
    case.begin(line.camera)
    line.fire(case.parts)

    n = 1 + (case.triggers or case.parts)
    found = line.verdicts(before + n)[before:]
    is_reversed = case.what in ("the encoder is right again",)
    assert [reason_of(body) for body in found] == ["encoder" if is_reversed else JUDGED, *case.said]
    assert line.controls.conveyor.edges - edges_before == 1 + case.parts
    numbers = [body["part_id"] for body in found]
    assert numbers == list(range(numbers[0], numbers[0] + n))


def test_at_the_end_every_edge_has_one_verdict_and_nothing_is_in_flight(line: SimulatedLine) -> None:
    line.camera.mend()
    line.fire(3)
    extra = sum((case.triggers or case.parts) - case.parts for case in PARTS)

    def is_all_said() -> bool:
        body = line.beats()[-1].body
        return bool(body["triggers"] == line.controls.conveyor.edges + extra and body["in_flight"] == 0)

    wait_until(is_all_said, 10.0, "every edge to have its verdict")
    assert line.line.figure("camera_reconnects_total") in (None, 0.0)
    assert "Traceback" not in line.line.stderr()


def test_places_rise_with_the_line_and_times_are_the_camera_s(line: SimulatedLine) -> None:
    before = len(line.witness.messages("verdict"))

    line.fire(3)

    found = line.verdicts(before + 3)[before:]
    counts = [body["enc_trigger"] for body in found]
    assert [b - a for a, b in itertools.pairwise(counts)] == [1000, 1000]  # 100 mm of 10 counts
    assert [body["position_mm"] for body in found] == [found[0]["position_mm"] + n * 100.0 for n in range(3)]
    assert {body["t_trigger_source"] for body in found} <= {"camera", "host"}
    beat = line.wait_beat(lambda body: body["enc_now"] == counts[-1], 5.0, "a heartbeat with the newest count").body
    assert beat["enc_gen"] == found[-1]["enc_gen"]
