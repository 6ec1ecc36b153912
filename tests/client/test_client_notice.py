"""What repeats itself is told now and then, what differs at once."""

from __future__ import annotations

import logging

import pytest

from edge_inspector.client import notice as module
from edge_inspector.client.notice import Notice, NoticeName, Teller


def test_the_same_words_are_not_told_at_line_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Notice] = []
    teller, now_s = Teller(told.append), 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now_s)
    for _ in range(50):
        teller.tell(NoticeName.BAD_MESSAGE, "header has 1 bytes, not 48")
        now_s += 0.1
    teller.tell(NoticeName.BAD_MESSAGE, "header has 2 bytes, not 48")

    assert len(told) == 6
    assert told[-1].detail == "header has 2 bytes, not 48"


def test_what_is_remembered_of_it_is_bounded() -> None:
    teller = Teller(lambda notice: None)
    for i in range(10_000):
        teller.tell(NoticeName.BAD_MESSAGE, str(i))

    assert len(teller._said) <= 101


def test_where_nobody_wants_to_know_it_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "edge_inspector.client"):
        Teller(None).tell(NoticeName.REFUSED, "signals: no key")

    assert "refused: signals: no key" in caplog.text
