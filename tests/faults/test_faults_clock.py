"""UTC that jumps, and UTC that nobody disciplines: labels change, decisions do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from between import Between, compile_between
from faulty_line import MakeFaulty

from edge_inspector.simulator.build import find_compiler

HOUR_S = 3600.0
DEADLINE_MS = 3000.0
"""Far below an hour, and far above what a busy machine takes."""
COMPILER = find_compiler()


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
@pytest.mark.timeout(90)
@pytest.mark.fault(
    33,
    injected="UTC of all processes an hour ahead, then an hour behind; the monotonic clock goes on",
    seen="labels follow, nothing is late, no heartbeat is missed, ready all the time",
    noticed="no effect",
)
@pytest.mark.fault(
    34,
    injected="the kernel calls its clock not synchronised",
    seen="heartbeats say `clock_synced` false; everything else is as always",
    noticed="at the start",
)
def test_utc_may_jump_by_an_hour_and_be_out_of_step_without_any_effect_on_verdicts(
    make_faulty: MakeFaulty, tmp_path: Path
) -> None:
    assert COMPILER is not None
    between = Between(compile_between(COMPILER, tmp_path), tmp_path, tmp_path / "nothing")
    faulty = make_faulty(camera={"rate_hz": 30.0}, decide={"deadline_ms": DEADLINE_MS})
    faulty.start_working(between.environment(unsynced=True))
    beats = len(faulty.witness.messages("hb"))
    before = faulty.witness.messages("verdict")[-1].body["t_trigger_utc_us"]

    jumps = []
    for hours in (1, -1):
        between.set_clock_off(hours * HOUR_S)
        n_before = len(faulty.witness.messages("verdict"))
        label = faulty.witness.wait_for_verdicts(n_before + 30)[-1].body["t_trigger_utc_us"]
        jumps.append((label - before) / 1e6)
    between.set_clock_off(0.0)
    faulty.witness.wait_for_verdicts(len(faulty.witness.messages("verdict")) + 5)
    during = [message.body for message in faulty.witness.messages("hb")[beats:]]
    code = faulty.stop()

    assert code == 0
    assert HOUR_S - 60 < jumps[0] < HOUR_S + 60
    assert -HOUR_S - 60 < jumps[1] < -HOUR_S + 60
    assert faulty.faults_since(beats) == set()
    assert {body["clock_synced"] for body in during} == {False}
    assert during[-1]["lates"] == 0
    is_label = ("is far from", "goes back")
    assert [rule for rule in faulty.broken(deadline_ms=DEADLINE_MS) if not any(word in rule for word in is_label)] == []
