"""Faults by chance, at speed: the line's count against the simulator's own, and every kept picture its own part's."""

from __future__ import annotations

import random
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import pytest
from daemon import wait_until
from simulated_line import COUNTS_PER_MM, MODEL_REASONS, STEP_MM, SimulatedLine

from edge_inspector.simulator.build import find_compiler
from edge_inspector.simulator.faults import Fault

if find_compiler() is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

PARTS_PER_S = 100.0
OF_A_FRAME = (
    Fault.DROP, Fault.INCOMPLETE, Fault.TRUNCATED, Fault.PADDED, Fault.WRONG_SIZE, Fault.LARGER, Fault.DUPLICATE_ID,
    Fault.REPEATED, Fault.OUT_OF_ORDER, Fault.MISSED_TRIGGER, Fault.EXTRA_FRAME, Fault.MISSING_CHUNK,
    Fault.UNKNOWN_FORMAT, Fault.OVER_TRIGGER,
)  # fmt: skip
"""Faults after which the camera goes on: not one part may be lost to the count."""


def hurt(line: SimulatedLine, chance: random.Random, seconds: float) -> None:
    """Throw faults at the camera, a few a second."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        fault = chance.choice(OF_A_FRAME)
        if fault is Fault.EXTRA_FRAME:  # by itself: broken too, nobody could tell it from one whose trigger was missed
            line.camera.mend()
        line.camera.fail(fault, once=chance.randint(1, 3))
        # Faults come by the clock: their pace, nothing is awaited. An extra frame comes a tenth of a second later.
        time.sleep(1.0 if fault is Fault.EXTRA_FRAME else chance.uniform(0.05, 0.4))
    line.camera.mend()


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the camera drew into a picture when it took it."""

    part: int
    frame_id: int


def stamps_of(line: SimulatedLine) -> dict[int, Stamp]:
    """Return what is drawn into each picture that was kept, by part_id."""
    found = {}
    for path in Path(line.line.folder).glob("evidence/**/*.png"):
        if (pixels := cv2.imread(str(path), cv2.IMREAD_UNCHANGED)) is not None:
            part_id = int(path.stem.rsplit("-", 1)[1])
            found[part_id] = Stamp(*struct.unpack(">IQ", pixels.reshape(-1)[:12].tobytes()))
    return found


def accounted(line: SimulatedLine) -> dict[str, int]:
    """Stop the parts, let everything come, and return the last heartbeat."""
    line.controls.conveyor.run(0.0)
    line.camera.settle()

    def is_quiet() -> bool:
        body, truth = line.beats()[-1].body, line.camera.truth
        return bool(body["in_flight"] == 0 and body["triggers"] >= truth.edges + truth.extra)

    wait_until(is_quiet, 20.0, "every trigger to have its verdict")
    body: dict[str, int] = line.beats()[-1].body
    return body


def run_hurt(tmp_path: Path, seed: int, seconds: float) -> None:
    evidence = {"folder": "evidence", "keep": ["PASS", "REJECT"], "annotated": False, "format": "png"}
    with SimulatedLine(tmp_path, evidence=evidence | {"quota_mb": 500, "min_free_mb": 100}) as line:
        line.controls.conveyor.bring(PARTS_PER_S)
        hurt(line, random.Random(seed), seconds)
        line.controls.conveyor.run(0.0)
        line.camera.settle()
        line.fire(2)  # what was lost last is seen with the next frame
        last, truth = accounted(line), line.camera.truth
        assert line.line.stop() == 0

        assert last["triggers"] == truth.edges + truth.extra, f"seed {seed}: {truth}"
        assert last["passes"] + last["rejects"] + last["unknowns"] == last["triggers"]
        assert line.line.stderr().count("Traceback") == 0
        verdicts = {m.body["part_id"]: m.body for m in line.witness.messages("verdict")}
        stamps = {part_id: stamp for part_id, stamp in stamps_of(line).items() if part_id in verdicts}
        assert len(stamps) > 50
        wrong = [part_id for part_id, stamp in stamps.items() if not is_its_own(stamp, verdicts[part_id])]
        assert not wrong, f"seed {seed}: parts judged by pictures of others: {wrong}"


def is_its_own(stamp: Stamp, body: dict[str, Any]) -> bool:
    """Whether the picture, the frame number and the place that a verdict names belong to one part."""
    # Parts pass the sensor at whole steps, or between two where they were fired by hand; a count may be one short.
    part = (body["enc_trigger"] + 1) // round(STEP_MM * COUNTS_PER_MM)
    return body["reason"] in MODEL_REASONS and (part, body["frame_id"]) == (stamp.part, stamp.frame_id)


def test_faults_by_chance_cost_no_part_and_mix_up_none(tmp_path: Path) -> None:
    run_hurt(tmp_path, seed=4, seconds=30.0)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
def test_faults_by_chance_for_minutes(tmp_path: Path, seed: int) -> None:
    run_hurt(tmp_path, seed, seconds=200.0)
