"""Every fault has a test, or is on the list of those that wait; the page says what the tests do."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_catalogue_page import WORDS, fault_catalogue_page, kept_times, marks, marks_of
from fault_rows import OPEN, ROWS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "fault-catalogue.md"
ENOUGH = 45


def test_every_fault_is_injected_by_a_test_or_waits_for_something_that_is_named() -> None:
    held = {mark.number for mark in marks()}

    assert set(ROWS) == set(range(1, 55))
    assert held | set(OPEN) == set(ROWS)
    assert held & set(OPEN) == set(), "a fault that a test injects waits for nothing"
    assert len(held) >= ENOUGH


def test_every_test_says_when_the_fault_is_noticed_in_a_word_or_by_a_time_that_is_kept() -> None:
    times = kept_times()
    words = [mark for mark in marks() if not mark.measures]
    measured = {mark.node for mark in marks() if mark.measures}

    assert {mark.node for mark in words if mark.noticed not in WORDS} == set()
    assert {mark.node for mark in marks() if mark.measures and mark.noticed is not None} == set()
    assert measured - times.keys() == set(), "run them with --keep-faults tests/faults/noticed.json"
    assert times.keys() - measured == set(), "times of tests that are gone"


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == fault_catalogue_page()


def test_markers_are_read_from_the_source_in_order() -> None:
    source = """
@pytest.mark.fault(3, injected="a", seen="b")
@pytest.mark.fault(4, injected="c", seen="d", noticed="no effect")
def test_x(noticed): pass
@pytest.mark.skip
def test_y(): pass
"""

    found = [(mark.number, mark.injected, mark.noticed, mark.measures) for mark in marks_of(source, "tests/a/b.py")]

    assert found == [(3, "a", None, True), (4, "c", "no effect", True)]


def test_a_marker_that_must_be_computed_is_refused() -> None:
    with pytest.raises(ValueError):
        list(marks_of("@pytest.mark.fault(n, injected='a', seen='b')\ndef test_x(): pass", "tests/a/b.py"))
