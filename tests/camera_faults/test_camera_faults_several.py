"""One part, several cameras: a set is one verdict, and what a camera loses costs its own part alone."""

from __future__ import annotations

import os
import random
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from daemon import wait_until
from several_line import SeveralLine
from simulated_line import MODEL_REASONS

from edge_inspector.simulator.build import find_compiler
from edge_inspector.simulator.faults import Fault

if find_compiler() is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

EVIDENCE = {
    "folder": "evidence", "keep": ["PASS", "REJECT"], "annotated": False, "format": "png",
    "quota_mb": 500, "min_free_mb": 100,
}  # fmt: skip
RATE = 25.0
GROWS_MB = 16
"""Of private memory in one process, at most: evidence that waits for its disk, and what allocators keep."""
OF_A_FRAME = (
    Fault.DROP, Fault.INCOMPLETE, Fault.TRUNCATED, Fault.WRONG_SIZE, Fault.DUPLICATE_ID, Fault.REPEATED,
    Fault.MISSED_TRIGGER, Fault.MISSING_CHUNK, Fault.UNKNOWN_FORMAT,
)  # fmt: skip


def told(body: dict[str, Any]) -> str:
    """Return the reason, or `judged` where the models gave the verdict."""
    return "judged" if body["reason"] in MODEL_REASONS else str(body["reason"])


def test_a_part_that_two_cameras_see_is_one_verdict_by_both_models(tmp_path: Path) -> None:
    with SeveralLine(tmp_path) as line:
        line.fire(4)
        bodies = line.verdicts(4)

        assert [told(body) for body in bodies] == ["judged"] * 4
        for body in bodies:
            top, side = body["views"]
            assert ((top["camera"], side["camera"]), body["missing"]) == (("top", "side"), [])
            assert (top["model"], side["model"]) == ("tiny-spots@1.0.0", "small-spots@1.0.0")
            assert (top["n_tiles"], side["n_tiles"]) == (2, 8)  # 64x64 with 16 px shared; 32x32
            assert body["n_tiles"] == 10
            assert body["score"] == max(top["score"], side["score"])
            assert body["verdict"] == ("REJECT" if "REJECT" in (top["verdict"], side["verdict"]) else "PASS")
            assert all(defect["camera"] in ("top", "side") for defect in body["defects"])
        places = [body["enc_trigger"] for body in bodies]
        assert [after - before for before, after in pairwise(places)] == [1000] * 3
        wait_until(lambda: 'frames_total{camera="side"} 4.0' in line.line.page(), 10.0, "the metrics of both cameras")
        assert line.line.stop() == 0
        assert line.witness.violations(frame_hw=(128, 112)) == []  # the larger of both


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.MISSED_TRIGGER])
@pytest.mark.parametrize("source", ["counter", "frame_id"])
def test_what_one_camera_lost_is_a_partial_set_that_names_it_and_nothing_else(
    tmp_path: Path, fault: Fault, source: str
) -> None:
    with SeveralLine(tmp_path, sources=source, evidence=EVIDENCE) as line:
        line.fire(2)
        line.verdicts(2)
        line.cameras[1].fail(fault, once=1)
        line.fire(1)
        bodies = line.verdicts(3)
        assert (bodies[2]["reason"], bodies[2]["missing"], bodies[2]["camera"]) == ("partial_set", ["side"], "side")
        assert bodies[2]["verdict"] == "UNKNOWN"

        line.fire(2)

        assert [told(body) for body in line.verdicts(5)] == ["judged", "judged", "partial_set", "judged", "judged"]
        last = line.wait_beat(lambda body: body["head_seq"] == 5, 5.0, "the fifth verdict")
        assert (last["triggers"], last["in_flight"]) == (line.controls.conveyor.edges, 0)
        wait_until(lambda: len(line.stamps()) == 4, 10.0, "the pictures")
        assert {part: set(stamps.values()) for part, stamps in line.stamps().items()} == {
            1: {1}, 2: {2}, 4: {4}, 5: {5},
        }  # fmt: skip
        assert line.line.stop() == 0


def test_a_picture_that_one_camera_broke_names_that_camera(tmp_path: Path) -> None:
    with SeveralLine(tmp_path) as line:
        line.cameras[1].fail(Fault.INCOMPLETE, once=1)
        line.fire(2)
        bodies = line.verdicts(2)

        assert (told(bodies[0]), bodies[0]["camera"]) == ("frame_incomplete", "side")
        assert told(bodies[1]) == "judged"
        assert line.line.stop() == 0


def test_a_camera_process_that_is_killed_costs_partial_sets_until_it_is_back_and_in_step(tmp_path: Path) -> None:
    with SeveralLine(tmp_path, evidence=EVIDENCE) as line:
        line.fire(2)
        line.verdicts(2)
        os.kill(line.camera_pid(1), signal.SIGKILL)
        line.wait_beat(lambda body: "camera" in body["faults"], 10.0, "the fault")
        line.controls.conveyor.fire(3)
        line.cameras[0].settle()
        bodies = line.verdicts(5)
        assert [body["missing"] for body in bodies[2:]] == [["side"]] * 3

        line.wait_beat(lambda body: body["faults"] == ["resync"], 20.0, "the camera to be armed again")
        line.fire(1)
        line.wait_ready()
        line.fire(2)

        assert [told(body) for body in line.verdicts(8)[-2:]] == ["judged"] * 2
        last = line.wait_beat(lambda body: body["head_seq"] >= 8, 5.0, "all verdicts")
        assert (last["triggers"], last["in_flight"]) == (line.controls.conveyor.edges, 0)
        assert line.line.stop() == 0
        assert mixed(line.stamps()) == {}


def test_an_inspect_process_that_is_killed_costs_no_part_and_mixes_none(tmp_path: Path) -> None:
    with SeveralLine(tmp_path, evidence=EVIDENCE) as line:
        line.controls.conveyor.bring(RATE)
        for _ in range(3):
            line.verdicts(len(line.witness.messages("verdict")) + 10)
            os.kill(line.line.child("inspect"), signal.SIGKILL)
            line.wait_ready()
        finish(line)


def test_by_count_a_line_that_was_started_amid_parts_is_in_step_after_a_pause(tmp_path: Path) -> None:
    line = SeveralLine(tmp_path, parts_per_s=RATE, evidence=EVIDENCE, sets={"by": "count", "wait_ms": 300.0})
    with line.line:
        line.line.start(line.controls.environment())
        line.wait_beat(lambda body: body["faults"] == ["resync"] and body["triggers"] > 20, 40.0, "parts out of step")
        assert {told(heard.body) for heard in line.witness.messages("verdict")} == {"partial_set"}

        line.controls.conveyor.run(0.0)
        line.wait_ready()
        n = len(line.witness.messages("verdict"))
        line.controls.conveyor.bring(RATE)
        bodies = line.verdicts(n + 20)[n:]

        assert {told(body) for body in bodies} == {"judged"}
        line.controls.conveyor.run(0.0)
        line.settle()
        assert line.line.stop() == 0
        stamps = line.stamps()
        assert len(stamps) >= 20
        assert mixed(stamps) == {}


def mixed(stamps: dict[int, dict[str, int]]) -> dict[int, dict[str, int]]:
    """Return the kept sets whose pictures are of more than one part."""
    return {part_id: of_part for part_id, of_part in stamps.items() if len(set(of_part.values())) > 1}


def finish(line: SeveralLine) -> None:
    """Stop the parts, and see that each has one verdict and each kept set is of one part."""
    line.controls.conveyor.run(0.0)
    line.settle()
    line.fire(2)  # what was lost last is seen with the next frame
    n_parts = line.controls.conveyor.edges

    def is_quiet() -> bool:
        body = line.beats()[-1].body
        return bool(body["in_flight"] == 0 and body["triggers"] >= n_parts)

    wait_until(is_quiet, 20.0, "every trigger to have its verdict")
    last = line.beats()[-1].body
    assert line.line.stop() == 0
    assert last["triggers"] == n_parts
    assert last["passes"] + last["rejects"] + last["unknowns"] == n_parts
    assert line.line.stderr().count("Traceback") == 0
    stamps = line.stamps()
    assert len(stamps) > 20
    wrong = {part_id: of_part for part_id, of_part in stamps.items() if len(set(of_part.values())) != 1}
    assert not wrong, f"sets of two parts: {wrong}"


def held(line: SeveralLine) -> list[tuple[int, int]]:
    """Return descriptors and private bytes of the daemon and each of its children; there are no others."""
    pids = [line.line.pid, *line.line.children_named("inspect"), *line.line.children_named("camera")]
    assert len(pids) == 2 + len(line.cameras)
    return [(len(os.listdir(f"/proc/{pid}/fd")), private_bytes(pid)) for pid in pids]


def private_bytes(pid: int) -> int:
    """Return what a process has for itself: slots of the shared memory that it has touched since are no leak."""
    rows = dict(row.split(":", 1) for row in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return 1024 * sum(int(rows[name].split()[0]) for name in ("Private_Dirty", "Private_Clean"))


def run_hurt(tmp_path: Path, n: int, seed: int, seconds: float, rate: float) -> None:
    """Throw faults at all cameras, a few a second."""
    chance = random.Random(seed)
    with SeveralLine(tmp_path, n, evidence=EVIDENCE, sets={"wait_ms": 500.0 / rate, "window_ms": 200.0 / rate}) as line:
        line.controls.conveyor.bring(rate)
        line.verdicts(50)
        before = held(line)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            chance.choice(line.cameras).fail(chance.choice(OF_A_FRAME), once=chance.randint(1, 3))
            time.sleep(chance.uniform(0.05, 0.4))  # faults come by the clock: this is their pace, nothing is awaited
        for camera in line.cameras:
            camera.mend()
        after = held(line)
        finish(line)

    # Main opens a file now and then: evidence, a metrics client. Nothing comes and goes in the others.
    assert max(now - then for (then, _), (now, _) in zip(before, after, strict=True)) <= 4, "descriptors leak"
    grown_mb = [(now - then) >> 20 for (_, then), (_, now) in zip(before, after, strict=True)]
    assert max(grown_mb) < GROWS_MB, f"memory grew by {grown_mb} MB"


def test_faults_of_two_cameras_by_chance_cost_no_part_and_mix_none(tmp_path: Path) -> None:
    run_hurt(tmp_path, n=2, seed=7, seconds=30.0, rate=RATE)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_faults_of_four_cameras_by_chance_for_ten_minutes(tmp_path: Path) -> None:
    run_hurt(tmp_path, n=4, seed=1, seconds=600.0, rate=100.0)
