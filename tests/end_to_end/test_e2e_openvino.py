"""A line that OpenVINO judges: right verdicts, workers side by side, and a killed process heals."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from daemon import Line

MakeLine = Callable[..., Line]
MODEL = {"provider": "openvino"}
N = 600


@pytest.mark.timeout(90)
def test_parts_get_their_own_verdicts_in_order_from_workers_side_by_side(make_line: MakeLine) -> None:
    line = make_line(
        camera={"count": N, "defect_every": 5, "seed": 3},
        model=MODEL,
        performance={"profile": "throughput", "workers": 3},
    )
    witness = line.listen()
    line.start()

    code = line.wait_exit(60)
    line.end_listeners()

    verdicts = witness.messages("verdict")
    assert code == 0
    assert witness.violations(drained=True) == []
    assert [v.head.seq for v in verdicts] == list(range(1, N + 1))
    assert {v.body["frame_id"] for v in verdicts if v.body["verdict"] == "REJECT"} == set(range(5, N + 1, 5))
    assert {v.body["reason"] for v in verdicts} == {"ok", "defect"}


@pytest.mark.timeout(90)
def test_a_killed_inspect_process_is_replaced_and_judges_again(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 100.0, "defect_every": 4}, model=MODEL)
    witness = line.listen()
    line.start()
    witness.wait_for_verdicts(30)
    beats = len(witness.messages("hb"))

    os.kill(line.child("inspect"), signal.SIGKILL)
    witness.wait_for("event", lambda m: m.body["name"] == "inspect_process_lost")
    witness.wait_for("hb", lambda m: m.body["ready"], after=beats + 1)
    heard = len(witness.messages("verdict"))
    witness.wait_for_verdicts(heard + 60)
    code = line.stop()

    last = witness.messages("hb")[-1].body
    after = {m.body["reason"] for m in witness.messages("verdict")[heard:]}
    assert code == 0
    assert witness.violations(drained=True) == []
    assert sorted({m.head.seq for m in witness.messages("verdict")}) == list(range(1, last["triggers"] + 1))
    assert {"ok", "defect"} <= after, "nothing is judged again"
    assert line.children() == {}
