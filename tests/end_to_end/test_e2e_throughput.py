"""The profile `throughput`: workers side by side keep every promise of a single one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from daemon import Line, wait_until

MakeLine = Callable[..., Line]
N = 1000
SIDE_BY_SIDE = {"profile": "throughput", "workers": 3}


@pytest.mark.timeout(90)
def test_parts_judged_side_by_side_get_their_own_verdicts_in_order(make_line: MakeLine) -> None:
    line = make_line(
        camera={"count": N, "defect_every": 5, "seed": 3},
        performance=SIDE_BY_SIDE,
        evidence={"folder": "evidence", "keep": ["PASS", "REJECT", "UNKNOWN"], "quota_mb": 50, "min_free_mb": 0},
    )
    witness = line.listen()
    line.start()

    code = line.wait_exit(60)
    line.end_listeners()

    verdicts = witness.messages("verdict")
    assert code == 0
    assert witness.violations(drained=True) == []
    assert [v.head.seq for v in verdicts] == list(range(1, N + 1))
    assert [v.body["frame_id"] for v in verdicts] == list(range(1, N + 1))
    rejected = {v.body["frame_id"] for v in verdicts if v.body["verdict"] == "REJECT"}
    assert rejected == set(range(5, N + 1, 5))
    assert {v.body["reason"] for v in verdicts} == {"ok", "defect"}


@pytest.mark.timeout(90)
def test_workers_killed_with_parts_in_hand_lose_none_and_number_none_twice(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 200.0}, performance=SIDE_BY_SIDE)
    witness = line.listen()
    line.start()
    witness.wait_for_verdicts(50)
    assert "workers=3" in line.stderr()

    for _ in range(2):
        heard = len(witness.messages("hb"))
        os.kill(line.child("inspect"), signal.SIGKILL)
        witness.wait_for("hb", lambda m: m.body["ready"], after=heard + 1)
        witness.wait_for_verdicts(len(witness.messages("verdict")) + 50)
    code = line.stop()

    last = witness.messages("hb")[-1].body
    assert code == 0
    assert witness.violations(drained=True) == []
    assert sorted({m.head.seq for m in witness.messages("verdict")}) == list(range(1, last["triggers"] + 1))
    assert last["in_flight"] == 0


@pytest.mark.fault(
    17,
    injected="the inspect process stands still past the deadline of parts in hand, workers side by side",
    seen="UNKNOWN `deadline`, late, in their place in the order",
    noticed="with the part",
)
@pytest.mark.timeout(60)
def test_parts_past_their_deadline_are_unknown_in_their_place(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 200.0}, performance=SIDE_BY_SIDE, decide={"deadline_ms": 200.0})
    witness = line.listen()
    line.start()
    witness.wait_for_verdicts(50)
    inspect = line.child("inspect")

    os.kill(inspect, signal.SIGSTOP)
    in_flight = int(line.figure("parts_in_flight") or 0)
    wait_until(lambda: (line.figure("parts_in_flight") or 0) >= in_flight + 60, 20, "parts that wait")
    os.kill(inspect, signal.SIGCONT)
    witness.wait_for("verdict", lambda m: m.body["reason"] == "deadline")
    witness.wait_for("verdict", lambda m: m.body["reason"] == "ok", after=len(witness.messages("verdict")))
    code = line.stop()

    late = [m for m in witness.messages("verdict") if m.body["late"]]
    assert code == 0
    assert witness.violations(drained=True) == []
    assert late
    assert {m.body["verdict"] for m in late} == {"UNKNOWN"}
