"""Two hundred subscribers, one of which reads nothing: the others miss nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.alone import start_alone

from benchmarks.subscribers import WARM_UP, measure


@pytest.mark.fault(
    38,
    injected="200 subscribers, one of them stalled",
    seen="the others have every verdict",
    noticed="no effect",
)
@pytest.mark.timeout(60)
def test_two_hundred_subscribers_have_every_verdict_while_one_is_stalled(tmp_path: Path) -> None:
    started = start_alone(measure, f"ipc://{tmp_path}/s", 200, 200.0, 1.0)  # its end closes the context of a process

    out, err = started.communicate(timeout=50)

    assert started.returncode == 0, err
    sent, counts, _ = json.loads(out)
    assert len(sent) == 200
    assert counts == [WARM_UP + 200] * 199
