"""A line without a model says so in everything it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from daemon import Line, wait_until
from witness import SIMULATED

MakeLine = Callable[..., Line]


@pytest.mark.timeout(60)
def test_verdicts_without_a_model_are_flagged_simulated_and_name_none(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 100.0, "defect_every": 2}, model={"provider": "null"})
    witness = line.listen()
    line.start()
    witness.wait_for_verdicts(40)
    wait_until(lambda: 'model="none@0"' in line.page(), 10, "the page to name no model")
    code = line.stop()

    verdicts = witness.messages("verdict")
    assert code == 0
    assert witness.violations(drained=True) == []
    assert {v.head.flags & SIMULATED for v in verdicts} == {SIMULATED}
    assert {(v.body["model"], v.body["model_sha256"]) for v in verdicts} == {("none@0", "0" * 64)}
    assert {v.body["reason"] for v in verdicts} == {"ok"}  # spots and all: nobody looked
    assert "no_model" in {m.body["name"] for m in witness.messages("event")}
