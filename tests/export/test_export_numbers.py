"""Calibration, limit, metrics and samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.core.errors import UsageError
from export.data.strips import Strip, sample_strips
from export.judge.calibrate import fit_platt, limit_for_recall
from export.judge.evaluate import auroc_interval, calibration_error, counts_at


def _draw(n: int, scale: float, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    margins = chance.normal(0, 4, n)
    return margins, chance.random(n) < 1 / (1 + np.exp(-(scale * margins + shift)))


def test_platt_finds_the_probabilities_that_made_the_truth() -> None:
    margins, truth = _draw(20_000, scale=0.8, shift=-1.5)

    scale, shift = fit_platt(margins, truth)

    assert scale == pytest.approx(0.8, abs=0.05)
    assert shift == pytest.approx(-1.5, abs=0.1)
    assert calibration_error(1 / (1 + np.exp(-(scale * margins + shift))), truth) < 0.01


def test_a_margin_that_points_the_wrong_way_is_refused() -> None:
    margins, truth = _draw(1000, scale=-1.0, shift=0.0)

    with pytest.raises(UsageError, match="the margin falls where defects are"):
        fit_platt(margins, truth)


@given(
    scores=st.lists(st.floats(0.001, 1.0), min_size=1, max_size=60),
    recall=st.floats(0.5, 1.0),
)
def test_the_limit_keeps_its_recall_and_is_no_lower_than_it_must_be(scores: list[float], recall: float) -> None:
    values, truth = np.array(scores), np.ones(len(scores), bool)

    limit = limit_for_recall(values, truth, recall)

    assert (values >= limit).mean() >= recall - 1e-9
    assert (values >= limit + 0.0011).sum() < np.ceil(recall * len(scores)) or limit == 0.001


def test_a_score_at_the_limit_counts() -> None:
    counts = counts_at(np.array([0.7, 0.69, 0.7, 0.1]), np.array([True, True, False, False]), limit=0.7)

    assert (counts["escapes"], counts["false_rejects"]) == (1, 1)
    assert (counts["escape_rate"], counts["false_reject_rate"]) == (0.5, 0.5)


def test_a_perfect_model_has_an_interval_at_one() -> None:
    groups = np.repeat(["a", "b", "c"], 10)
    truth = np.tile([True, False], 15)

    assert auroc_interval(truth.astype(float), truth, groups, rounds=50) == (1.0, 1.0)


def test_sampled_strips_share_no_pixel_and_come_from_many_groups() -> None:
    strips = [Strip(i % 3, 0, x, 0, False, f"g{i % 3}") for i in range(9) for x in range(0, 3000, 64)]

    chosen = sample_strips(strips, 6, seed=1)

    assert {strip.group for strip in chosen} == {"g0", "g1", "g2"}
    assert not [(a, b) for i, a in enumerate(chosen) for b in chosen[:i] if a.overlaps(b)]
    assert chosen == sample_strips(strips, 6, seed=1)


def test_too_few_strips_are_not_made_up() -> None:
    with pytest.raises(UsageError, match="only 1 of 2 strips"):
        sample_strips([Strip(0, 0, 0, 0, False, "g"), Strip(0, 0, 512, 0, False, "g")], 2, seed=1)
