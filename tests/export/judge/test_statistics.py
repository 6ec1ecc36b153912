"""Bounds, intervals and tests, each against a library or against what really happens in many draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from sklearn.metrics import roc_auc_score

from export.judge.statistics import (
    auroc_difference,
    auroc_interval,
    clopper_pearson,
    group_bootstrap,
    group_draws,
    group_wins,
    mcnemar,
    parts_needed,
    upper_bound,
)


def rows(seed: int, n_groups: int = 12, per_group: int = 20) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (scores, truth, groups); scores come in tenths, so many are equal."""
    chance = np.random.default_rng(seed)
    groups = np.repeat([f"g{i:02}" for i in range(n_groups)], per_group)
    truth = chance.random(len(groups)) < 0.3
    shift = np.repeat(chance.normal(0, 0.5, n_groups), per_group)
    return np.round(truth + shift + chance.normal(0, 1, len(groups)), 1), truth, groups


@given(count=st.integers(1, 300), share=st.floats(0, 1))
def test_clopper_pearson_is_what_scipy_says(count: int, share: float) -> None:
    hits = round(share * count)
    theirs = binomtest(hits, count).proportion_ci(0.95, method="exact")

    ours = clopper_pearson(hits, count)

    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
def test_clopper_pearson_covers_the_truth_at_least_as_often_as_it_says(rate: float) -> None:
    count = 80
    probabilities = binom.pmf(np.arange(count + 1), count, rate)
    covers = [clopper_pearson(k, count).low <= rate <= clopper_pearson(k, count).high for k in range(count + 1)]

    assert probabilities[covers].sum() >= 0.95


def test_nothing_seen_says_nothing() -> None:
    assert clopper_pearson(0, 0).rounded() == [0.0, 1.0]
    assert upper_bound(0, 0) == 1.0


def test_zero_escapes_follow_the_rule_of_three() -> None:
    assert upper_bound(0, 300) == pytest.approx(3 / 300, rel=0.01)
    assert parts_needed(0, 0, 0.01) == 299  # log(0.05) / log(0.99) = 298.07
    assert parts_needed(0, 0, 0.05) == 59


@given(
    parts=st.integers(1, 200),
    share=st.floats(0, 0.3),
    wanted=st.floats(0.005, 0.2),
)
def test_the_parts_needed_are_enough_and_one_less_is_not(parts: int, share: float, wanted: float) -> None:
    escapes = int(share * parts)

    needed = parts_needed(escapes, parts, wanted)

    assert needed is not None
    assert upper_bound(escapes, needed) <= wanted
    assert needed == parts or upper_bound(escapes, needed - 1) > wanted


def test_parts_that_escape_as_before_need_more_and_sometimes_never_suffice() -> None:
    clean, seen = parts_needed(2, 100, 0.05), parts_needed(2, 100, 0.05, at_rate=True)

    assert clean is not None
    assert seen is not None
    assert seen > clean
    assert upper_bound(int(np.ceil(0.02 * seen)), seen) <= 0.05
    assert parts_needed(5, 100, 0.05, at_rate=True) is None


@given(a=st.integers(0, 60), b=st.integers(0, 60))
def test_mcnemar_is_the_exact_binomial_test(a: int, b: int) -> None:
    n, least = a + b, min(a, b)
    expected = min(1.0, 2 * binom.cdf(least, n, 0.5)) if a != b else 1.0

    assert mcnemar(a, b) == pytest.approx(expected, abs=1e-9)


@given(seed=st.integers(0, 1000))
@settings(max_examples=25)
def test_wins_by_pairs_of_groups_add_up_to_the_auroc_of_sklearn(seed: int) -> None:
    scores, truth, groups = rows(seed)
    wins, pairs = group_wins(scores, truth, groups)

    assert wins.sum() / pairs.sum() == pytest.approx(roc_auc_score(truth, scores))


def test_the_quick_interval_is_the_one_of_drawing_rows() -> None:
    scores, truth, groups = rows(3)

    slow = group_bootstrap(lambda i: roc_auc_score(truth[i], scores[i]), groups, rounds=300, seed=5)
    quick = auroc_interval(scores, truth, groups, rounds=300, seed=5)

    assert slow is not None
    assert quick is not None
    assert (quick.low, quick.high) == pytest.approx((slow.low, slow.high))


def test_each_draw_takes_as_many_groups_as_there_are() -> None:
    draws = group_draws(7, rounds=100)

    assert draws.shape == (100, 7)
    assert set(draws.sum(axis=1).tolist()) == {7}
    assert (draws == group_draws(7, rounds=100)).all()


def test_an_interval_by_group_is_wider_than_by_row_where_groups_differ() -> None:
    chance = np.random.default_rng(0)
    groups = np.repeat([f"g{i:02}" for i in range(20)], 50)
    values = np.repeat(chance.normal(0, 1, 20), 50) + chance.normal(0, 0.1, 1000)

    by_group = group_bootstrap(lambda i: float(values[i].mean()), groups, rounds=300)
    by_row = group_bootstrap(lambda i: float(values[i].mean()), np.arange(1000).astype(str), rounds=300)

    assert by_group is not None
    assert by_row is not None
    assert by_group.high - by_group.low > 4 * (by_row.high - by_row.low)


def test_the_interval_by_group_covers_the_mean_in_about_95_of_100_worlds() -> None:
    chance, covered = np.random.default_rng(1), 0
    groups = np.repeat([f"g{i:02}" for i in range(30)], 4)
    for world in range(200):
        values = np.repeat(chance.normal(0, 1, 30), 4) + chance.normal(0, 0.3, 120)
        found = group_bootstrap(lambda i, v=values: float(v[i].mean()), groups, rounds=100, seed=world)
        assert found is not None
        covered += found.low <= 0 <= found.high

    assert 175 <= covered <= 199  # percentile bootstraps of 30 groups are a little narrow


def test_one_group_says_nothing_of_others() -> None:
    scores, truth, _ = rows(0)

    assert auroc_interval(scores, truth, np.full(len(truth), "only")) is None
    assert auroc_difference(scores, scores, truth, np.full(len(truth), "only")) is None


def test_a_run_does_not_differ_from_itself_and_noise_is_worse() -> None:
    scores, truth, groups = rows(4)
    noise = np.random.default_rng(2).normal(size=len(scores))

    same, worse = auroc_difference(scores, scores, truth, groups), auroc_difference(noise, scores, truth, groups)

    assert same is not None
    assert same.rounded() == [0.0, 0.0]
    assert worse is not None
    assert worse.high < 0


def test_draws_without_a_kind_are_left_out() -> None:
    truth = np.array([True, False, False, False])

    found = auroc_interval(np.array([1.0, 0, 0, 0]), truth, np.array(["a", "b", "c", "d"]))

    assert found is not None
    assert found.rounded() == [1.0, 1.0]
