from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.core.verdict import Defect, Judgement, Outcome, Reason
from edge_inspector.decide.defects import MAX_DEFECTS
from edge_inspector.decide.seam import CELL_PX, Seam, reaching_over, told_once

SEAM = Seam(overlap=64, strip=192)
"""Frames of 256 rows; row 192 of one is row 0 of the next."""


def at(y: int, h: int = 32, x: int = 0) -> Defect:
    return Defect(x, y, 32, h, 0.9, "DEFECT")


def rejected(*defects: Defect) -> Judgement:
    return Judgement(Outcome.REJECT, Reason.DEFECT, 0.9, "DEFECT", defects, 8, len(defects))


def test_a_defect_in_the_lines_that_both_strips_show_is_told_by_the_first_alone() -> None:
    first, second = rejected(at(200)), rejected(at(8))

    told = told_once(second, reaching_over(first, SEAM), SEAM)

    assert (told.outcome, told.reason, told.defects) == (Outcome.PASS, Reason.BELOW_AREA, ())
    assert (told.score, told.n_defect_tiles) == (0.9, 1)  # what the model said stays on record


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (Judgement(Outcome.PASS, Reason.OK, 0.1), "passed"),
        (Judgement(Outcome.UNKNOWN, Reason.FRAME_LOST), "was not judged"),
        (rejected(at(20)), "was rejected for a defect elsewhere"),
        (rejected(at(200, x=400)), "was rejected for a defect far beside"),
    ],
)
def test_a_defect_of_which_the_strip_before_knew_nothing_is_told(first: Judgement, why: str) -> None:
    second = rejected(at(8))

    assert told_once(second, reaching_over(first, SEAM), SEAM) == second, why


def test_whatever_reaches_into_new_lines_is_told_here_too() -> None:
    second = rejected(at(32, h=64))

    assert told_once(second, reaching_over(rejected(at(224)), SEAM), SEAM) == second


def test_what_is_left_beside_a_known_defect_still_rejects() -> None:
    told = told_once(rejected(at(8), at(120)), reaching_over(rejected(at(200)), SEAM), SEAM)

    assert (told.outcome, told.defects) == (Outcome.REJECT, (at(120),))


def test_a_full_list_never_passes_for_nobody_knows_what_is_not_on_it() -> None:
    many = [at(0, x=40 * n) for n in range(MAX_DEFECTS)]
    first = rejected(*(at(192, x=40 * n) for n in range(MAX_DEFECTS)))

    assert told_once(rejected(*many), reaching_over(first, SEAM), SEAM).outcome is Outcome.REJECT


def test_an_unknown_strip_stays_unknown() -> None:
    lost = Judgement(Outcome.UNKNOWN, Reason.MODEL_ERROR)

    assert told_once(lost, reaching_over(rejected(at(200)), SEAM), SEAM) is lost


@given(
    strip=st.integers(2, 8),
    share=st.integers(1, 8),
    begins=st.integers(0, 40),
    length=st.integers(1, 12),
)
def test_a_defect_is_told_by_exactly_the_strips_in_whose_own_lines_it_lies(
    strip: int, share: int, begins: int, length: int
) -> None:
    overlap = min(share, strip)
    seam = Seam(overlap * CELL_PX, strip * CELL_PX)
    known: tuple[Defect, ...] = ()
    telling = []
    for k in range(60 // strip + 1):
        top = k * strip - overlap  # the web's cell at the frame's first row
        first, last = max(begins, top), min(begins + length, (k + 1) * strip)
        seen = rejected(at((first - top) * CELL_PX, (last - first) * CELL_PX)) if first < last else None
        judgement = seen or Judgement(Outcome.PASS, Reason.OK, 0.0)
        if told_once(judgement, known, seam).outcome is Outcome.REJECT:
            telling.append(k)
        known = reaching_over(judgement, seam)

    own = [k for k in range(60 // strip + 1) if begins < (k + 1) * strip and begins + length > k * strip]
    assert telling == own
