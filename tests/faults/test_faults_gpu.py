"""A GPU that fails under a line at work, and one that takes its time: with a stand-in, since few computers have one."""

from __future__ import annotations

from pathlib import Path

import pytest
from daemon import START_S, wait_until
from faulty_line import MakeFaulty, inside

DEFECT_EVERY = 3


@pytest.mark.timeout(90)
@pytest.mark.parametrize("profile", ["latency", "throughput"])
@pytest.mark.parametrize("error", ["700", "memory"])
def test_after_an_error_on_the_gpu_nothing_passes_by_it_and_a_fresh_process_judges(
    make_faulty: MakeFaulty, tmp_path: Path, error: str, profile: str
) -> None:
    workers = {"workers": 2} if profile == "throughput" else {}
    faulty = make_faulty(
        camera={"rate_hz": 20.0, "defect_every": DEFECT_EVERY},
        model={"provider": "cuda"},
        performance={"profile": profile} | workers,
    )
    switch = tmp_path / "break"
    faulty.start_working(inside("inspect", "broken_gpu", switch))
    broken = faulty.line.child("inspect")
    n_before = len(faulty.witness.messages("verdict"))

    (tmp_path / "new").write_text(error)
    (tmp_path / "new").rename(switch)
    failed = faulty.witness.wait_for("verdict", lambda m: m.body["reason"] in ("model_error", "process_lost"), n_before)
    told = faulty.event("inspect_error")
    beats = len(faulty.witness.messages("hb"))
    faulty.wait_working(beats)
    code = faulty.stop()

    assert code == 0
    assert failed.body["verdict"] == "UNKNOWN"
    assert faulty.line.has_ended(broken, 0.0)
    assert "nothing can be trusted that this process computes" in told["detail"]
    assert faulty.broken() == []  # every trigger has one verdict
    for verdict in faulty.witness.messages("verdict"):
        if verdict.body["frame_id"] % DEFECT_EVERY == 0:  # the broken GPU would call it good
            assert verdict.body["verdict"] != "PASS"
    judged = [m.body for m in faulty.witness.messages("verdict")[n_before:] if m.body["reason"] in ("ok", "defect")]
    assert judged[-1]["part_id"] > failed.body["part_id"]  # the successor judges


@pytest.mark.timeout(90)
def test_an_engine_is_compiled_before_the_line_is_ready_and_found_again(
    make_faulty: MakeFaulty, tmp_path: Path
) -> None:
    faulty = make_faulty(
        camera={"rate_hz": 20.0, "defect_every": DEFECT_EVERY}, model={"provider": "tensorrt", "precision": "fp16"}
    )
    switch = tmp_path / "compiling"
    switch.touch()
    before = faulty.start(inside("inspect", "compiling_gpu", switch))
    building = faulty.event("engine_building")
    wait_until(lambda: (faulty.line.figure("engine_build_seconds") or 0.0) > 0.0, START_S, "the metric")
    verdicts = len(faulty.witness.messages("verdict"))
    switch.unlink()
    built = faulty.event("engine_built")
    faulty.wait_working(before)
    n_first = sum(m.body["name"] == "engine_building" for m in faulty.witness.messages("event"))
    code = faulty.rest()
    before = faulty.start(inside("inspect", "compiling_gpu", switch))
    faulty.wait_working(before)
    n_second = sum(m.body["name"] == "engine_building" for m in faulty.witness.messages("event"))
    again = faulty.stop()

    assert (code, again) == (0, 0)
    assert "there is none yet" in building["detail"]
    assert verdicts == 0  # nothing is judged while it is compiled
    assert "tiny-spots@1.0.0" in built["detail"]
    assert (n_first, n_second) == (1, 1)
    assert faulty.broken() == []
