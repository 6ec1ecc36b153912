"""Separation, reliability and thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.judge.curves import (
    auroc,
    average_precision,
    calibration_error,
    carries,
    escape_rate_at,
    precision_recall,
    reliability,
    roc,
    threshold_at,
)

TRUTH = np.array([True, True, False, False, False])
SCORES = np.array([0.9, 0.4, 0.5, 0.2, 0.1])


def test_areas_of_a_small_case_are_those_of_counting() -> None:
    assert auroc(SCORES, TRUTH) == pytest.approx(5 / 6)
    assert average_precision(SCORES, TRUTH) == pytest.approx((1 + 2 / 3) / 2)


def test_one_kind_alone_has_no_area() -> None:
    assert auroc(SCORES, np.ones(5, bool)) is None
    assert average_precision(SCORES, np.zeros(5, bool)) is None


def test_curves_run_from_left_to_right() -> None:
    for curve in (roc(SCORES, TRUTH), precision_recall(SCORES, TRUTH)):
        assert (np.diff(curve.x) >= 0).all()
        assert curve.x[0] == 0
        assert curve.x[-1] == 1


def test_probabilities_that_are_true_have_a_small_error_and_others_a_large_one() -> None:
    chance = np.random.default_rng(0)
    said = chance.random(50_000)
    truth = chance.random(50_000) < said

    assert calibration_error(said, truth) < 0.01
    assert calibration_error(said**3, truth) > 0.1
    assert sum(b.count for b in reliability(said, truth)) == 50_000
    assert all(b.seen == pytest.approx(b.said, abs=0.03) for b in reliability(said, truth))


def test_a_probability_of_one_is_in_the_last_bin() -> None:
    (only,) = reliability(np.array([1.0, 1.0]), np.array([True, False]))

    assert (only.count, only.said, only.seen) == (2, 1.0, 0.5)


@given(
    sound=st.lists(st.integers(0, 20), min_size=1, max_size=80),
    bad=st.lists(st.integers(0, 20), min_size=1, max_size=20),
    rate=st.sampled_from([0.0, 0.01, 0.05, 0.3, 1.0]),
)
def test_the_threshold_keeps_its_rate_and_no_lower_score_would(sound: list[int], bad: list[int], rate: float) -> None:
    scores = np.array([*sound, *bad], float)
    truth = np.repeat([False, True], [len(sound), len(bad)])

    limit = threshold_at(scores, truth, rate)

    assert (np.array(sound) >= limit).mean() <= rate + 1e-12
    lower = scores[scores < limit]
    assert not len(lower) or (np.array(sound) >= lower.max()).mean() > rate


def test_the_escape_rate_at_a_false_reject_rate_is_counted() -> None:
    scores = np.array([*np.arange(100), 50, 97, 99.5, 200], float)
    truth = np.repeat([False, True], [100, 4])

    assert escape_rate_at(scores, truth, 0.05) == 0.25
    assert escape_rate_at(scores, truth, 0.01) == 0.5


def test_few_sound_parts_do_not_carry_a_small_rate() -> None:
    assert carries(60, 0.05)
    assert not carries(59, 0.05)
    assert carries(300, 0.01)
    assert not carries(136, 0.01)
