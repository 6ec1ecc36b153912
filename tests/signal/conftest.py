"""Tests of the journal leave many a run as a kill would: what the kernel closes then is closed here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from edge_inspector.signal.journal_segment import OpenSegment


@pytest.fixture(autouse=True)
def open_segments_go_with_their_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    opened: list[OpenSegment] = []
    opens = OpenSegment.__init__

    def noted(segment: OpenSegment, *given: Any) -> None:
        opens(segment, *given)
        opened.append(segment)

    monkeypatch.setattr(OpenSegment, "__init__", noted)
    yield
    for segment in opened:
        segment.close()
