"""A repeated picture is noticed in the order of the parts, and an unhealthy one never passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.core.look import Look
from edge_inspector.core.verdict import Judgement, Outcome, Reason
from edge_inspector.decide.image_health import Policy
from edge_inspector.run.image_watch import ImageWatch
from edge_inspector.run.judge import Seen, unknown

PASS = Judgement(Outcome.PASS, Reason.OK, score=0.1)
REJECT = Judgement(Outcome.REJECT, Reason.DEFECT, score=0.9)


def judged(judgement: Judgement = PASS, fingerprint: int = 0, **look: bool) -> Seen:
    return Seen(judgement, look=Look(fingerprint=fingerprint, **look))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "reason", "is_fault"),
    [("metric", Reason.OK, False), ("unknown", Reason.IMAGE_HEALTH, False), ("fault", Reason.IMAGE_HEALTH, True)],
)
def test_the_second_of_two_equal_pictures_is_stuck(policy: Policy, reason: Reason, is_fault: bool) -> None:
    watch = ImageWatch(policy)
    first = watch.review(judged(fingerprint=7))

    second = watch.review(judged(fingerprint=7))

    assert first.judgement == PASS
    assert second.judgement.reason is reason
    assert second.look is not None
    assert second.look.troubles == ("stuck",)
    assert watch.is_fault is is_fault


def test_another_picture_ends_it() -> None:
    watch = ImageWatch("fault")
    for fingerprint in (7, 7, 8):
        last = watch.review(judged(fingerprint=fingerprint))

    assert last.judgement == PASS
    assert not watch.is_fault


def test_a_part_without_a_picture_between_two_equal_ones_hides_nothing() -> None:
    watch = ImageWatch("unknown")
    watch.review(judged(fingerprint=7))
    lost = Seen(unknown(Reason.FRAME_LOST))

    between, after = watch.review(lost), watch.review(judged(fingerprint=7))

    assert between is lost
    assert after.judgement.reason is Reason.IMAGE_HEALTH


def test_a_part_without_a_picture_neither_begins_nor_ends_a_fault() -> None:
    watch = ImageWatch("unknown")
    watch.review(judged(is_fault=True, refuses=True))

    watch.review(Seen(unknown(Reason.FRAME_LOST)))

    assert watch.is_fault


def test_pictures_whose_fingerprint_was_not_taken_are_never_equal() -> None:
    watch = ImageWatch("unknown")
    watch.review(judged())

    assert watch.review(judged()).judgement == PASS


def test_a_part_that_is_unknown_keeps_its_own_reason() -> None:
    watch = ImageWatch("unknown")
    watch.review(judged(fingerprint=7))

    second = watch.review(judged(unknown(Reason.MODEL_ERROR), fingerprint=7))

    assert second.judgement.reason is Reason.MODEL_ERROR


@given(
    st.sampled_from(["unknown", "fault"]),
    st.lists(st.tuples(st.sampled_from([PASS, REJECT]), st.integers(0, 3), st.booleans())),
)
def test_an_unhealthy_picture_never_passes(policy: Policy, parts: list[tuple[Judgement, int, bool]]) -> None:
    watch = ImageWatch(policy)
    former = 0
    for judgement, fingerprint, refuses in parts:
        told = watch.review(judged(judgement, fingerprint, refuses=refuses))

        is_unhealthy = refuses or (fingerprint != 0 and fingerprint == former)
        former = fingerprint
        assert told.judgement == (unknown(Reason.IMAGE_HEALTH) if is_unhealthy else judgement)
