"""A model that is slow, hangs, answers nonsense, or is exchanged on the disk, under a line at work."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from daemon import FRAME_HW
from fakes.tiny_bundle import draw_tile, write_tiny_bundle
from faulty_line import MakeFaulty, inside
from noticing import Noticed

DEADLINE_MS = 100.0
WHITE = 4


@pytest.mark.timeout(90)
@pytest.mark.fault(
    16,
    injected="a model that answers NaN to a white picture, and only to that",
    seen="UNKNOWN `model_nan` for that part; its neighbours are judged",
    noticed="with the part",
)
def test_a_picture_to_which_the_model_answers_nan_is_unknown_and_its_neighbours_are_judged(
    make_faulty: MakeFaulty, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(1, 8):
        part = draw_tile(FRAME_HW, 1, seed=number)
        cv2.imwrite(str(pictures / f"{number}.png"), np.full_like(part, 255) if number == WHITE else part)
    faulty = make_faulty(
        camera={"kind": "replay", "folder": "pictures", "loop": True, "rate_hz": 20.0},
        image_health={"saturated": "metric"},
    )
    shutil.rmtree(tmp_path / "bundle")
    write_tiny_bundle(tmp_path / "bundle", tile=(64, 64), channels=1, nan_on_white=True)
    faulty.start()
    faulty.witness.wait_for_verdicts(15)

    code = faulty.stop()

    verdicts = faulty.witness.messages("verdict")
    assert code == 0
    assert faulty.broken() == []
    for verdict in verdicts:
        is_white = verdict.body["frame_id"] % 7 == WHITE
        expected = ("UNKNOWN", "model_nan") if is_white else ("PASS", "ok")
        assert (verdict.body["verdict"], verdict.body["reason"]) == expected


@pytest.mark.timeout(90)
@pytest.mark.fault(
    17,
    injected="each run of the model takes 150 ms more, deadline 100 ms",
    seen="UNKNOWN `deadline`, late and counted; nothing passes late; judged again when the model is quick again",
)
def test_parts_that_a_slow_model_judges_too_late_never_pass(
    make_faulty: MakeFaulty, tmp_path: Path, noticed: Noticed
) -> None:
    faulty = make_faulty(camera={"rate_hz": 5.0}, decide={"deadline_ms": DEADLINE_MS})
    switch = tmp_path / "slow"
    faulty.start_working(inside("inspect", "slow_run", switch))

    switch.touch()
    noticed.injected()
    n_before = len(faulty.witness.messages("verdict"))
    late = faulty.witness.wait_for("verdict", lambda m: m.body["late"], after=n_before)
    noticed.seen()
    faulty.witness.wait_for_verdicts(n_before + 6)
    switch.unlink()
    n_slow = len(faulty.witness.messages("verdict"))
    faulty.witness.wait_for("verdict", lambda m: m.body["reason"] == "ok", after=n_slow)
    code = faulty.stop()

    assert code == 0
    assert (late.body["verdict"], late.body["reason"]) == ("UNKNOWN", "deadline")
    assert faulty.broken(deadline_ms=DEADLINE_MS) == []
    assert faulty.witness.messages("hb")[-1].body["lates"] >= 5


@pytest.mark.timeout(90)
@pytest.mark.fault(
    18,
    injected="a run of the model that does not come back",
    seen="silence after a lease, so the gate rejects; the process is killed after 5 s and replaced, its parts UNKNOWN",
)
def test_a_model_that_hangs_is_ended_and_its_parts_are_unknown(
    make_faulty: MakeFaulty, tmp_path: Path, noticed: Noticed
) -> None:
    faulty = make_faulty(camera={"rate_hz": 20.0})
    switch = tmp_path / "hang"
    faulty.start_working(inside("inspect", "hanging_run", switch))
    states = len(faulty.witness.messages("state"))
    hung = faulty.line.child("inspect")

    switch.touch()
    noticed.injected()
    faulty.witness.wait_for("state", lambda m: m.body["state"] == "Preoperational", after=states)
    noticed.seen()
    told = faulty.event("inspect_process_lost")
    switch.unlink()
    beats = len(faulty.witness.messages("hb"))
    faulty.wait_working(beats)
    code = faulty.stop()

    assert code == 0
    assert faulty.line.has_ended(hung, 0.0)
    assert "hung and was killed" in told["detail"]
    assert "process_lost" in faulty.reasons()
    assert faulty.broken() == []


@pytest.mark.timeout(90)
@pytest.mark.fault(
    51,
    injected="another model in place of the running one at 20 parts a second, then SIGKILL to the inspect process",
    seen="the running model goes on; a new process is not ready and judges nobody by the other one, and says why",
)
def test_a_model_that_is_exchanged_under_a_running_line_judges_no_part(
    make_faulty: MakeFaulty, tmp_path: Path, noticed: Noticed
) -> None:
    faulty = make_faulty(camera={"rate_hz": 20.0, "defect_every": 3})
    faulty.start_working()
    write_tiny_bundle(tmp_path / "other", tile=(64, 64), channels=1, version="2.0.0", nan_on_white=True)

    (tmp_path / "bundle").rename(tmp_path / "away")
    (tmp_path / "other").rename(tmp_path / "bundle")
    n_before = len(faulty.witness.messages("verdict"))
    after_exchange = faulty.witness.wait_for_verdicts(n_before + 20)[n_before:]
    beats = len(faulty.witness.messages("hb"))
    os.kill(faulty.line.child("inspect"), signal.SIGKILL)
    noticed.injected()
    faulty.wait_beat(lambda body: "model" in body["faults"], beats)
    noticed.seen()
    told = faulty.event("model_error")
    n_before = len(faulty.witness.messages("verdict"))
    by_nobody = faulty.witness.wait_for_verdicts(n_before + 10)[n_before:]
    code = faulty.stop()

    assert code == 0
    assert {m.body["reason"] for m in after_exchange} <= {"ok", "defect"}
    assert {m.body["reason"] for m in by_nobody} <= {"model_error", "process_lost", "overrun"}
    assert len({m.body["model_sha256"] for m in faulty.witness.messages("verdict")}) == 1
    assert "another model" in told["detail"]
    assert faulty.broken() == []
