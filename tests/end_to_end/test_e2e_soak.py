"""Long runs, by `scripts/test -m soak`: what a shift does to a line, in minutes."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

import pytest
from daemon import Line

MakeLine = Callable[..., Line]
KILLS = 60
SEED = 20


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_kills_at_random_moments_lose_no_part_and_number_none_twice(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 400.0})
    chance = random.Random(SEED)
    witness = line.listen()
    line.start()
    witness.wait_for_verdicts(100)

    for kill in range(KILLS):
        beats = len(witness.messages("hb"))
        os.kill(line.child(chance.choice(["camera", "inspect"])), signal.SIGKILL)
        witness.wait_for("hb", lambda m: m.body["ready"], after=beats)
        time.sleep(chance.uniform(0.0, 0.5))  # not waited for: the moment of the next kill
        assert line.process is not None
        assert line.process.poll() is None, f"the daemon ended after kill {kill}"
    code = line.stop(timeout_s=30)

    seqs = sorted({m.head.seq for m in witness.messages("verdict")})
    last = witness.messages("hb")[-1].body
    assert code == 0
    assert witness.violations(drained=True) == []
    assert seqs == list(range(1, last["triggers"] + 1))
    assert last["in_flight"] == 0
