"""`drill` as a person meets it who has no patience."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from edge_inspector.cli.drill import _end_on_signals

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def former_handlers() -> Iterator[None]:
    former = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("former_handlers")
@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_signal_interrupts_and_none_after_it_disturbs_what_is_put_back(number: signal.Signals) -> None:
    _end_on_signals()

    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    for each in NUMBERS:
        os.kill(os.getpid(), each)


@pytest.mark.usefixtures("former_handlers")
def test_a_drill_below_nohup_outlives_its_terminal() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    _end_on_signals()

    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
