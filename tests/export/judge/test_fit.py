"""Calibration: it finds the probabilities that made the truth, and never judges a row by itself."""

from __future__ import annotations

import numpy as np
import pytest

from edge_inspector.core.errors import UsageError
from export.data.scores import Scores
from export.judge.curves import calibration_error
from export.judge.fit import Calibration, cross_fit, fit, fit_platt, fit_temperature, sigmoid
from export.judge.limit import Choice
from export.judge.parts import gather


def drawn(n: int, scale: float, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    margins = chance.normal(0, 4, n)
    return margins, chance.random(n) < sigmoid(scale * margins + shift)


def table(margins: np.ndarray, truth: np.ndarray, folds: np.ndarray) -> Scores:
    """Return scores of parts of one tile, each a group of its own."""
    n = len(margins)
    names, zeros = np.array([f"p{i:05}" for i in range(n)]), np.zeros(n, np.intp)
    return Scores(names, names, names, zeros, zeros, zeros, truth, folds, margins)


def test_platt_finds_the_probabilities_that_made_the_truth() -> None:
    margins, truth = drawn(20_000, scale=0.8, shift=-1.5)

    scale, shift = fit_platt(margins, truth)

    assert scale == pytest.approx(0.8, abs=0.05)
    assert shift == pytest.approx(-1.5, abs=0.1)
    assert calibration_error(sigmoid(scale * margins + shift), truth) < 0.01


def test_temperature_finds_the_scale_and_leaves_the_middle() -> None:
    margins, truth = drawn(20_000, scale=0.6, shift=0.0)

    scale, shift = fit_temperature(margins, truth)

    assert scale == pytest.approx(0.6, abs=0.03)
    assert shift == 0.0


@pytest.mark.parametrize("method", [fit_platt, fit_temperature])
def test_margins_that_separate_without_error_keep_the_scale_finite(method: object) -> None:
    scale, _ = method(np.array([-3.0, -2, 2, 3]), np.array([False, False, True, True]))  # type: ignore[operator]

    assert 0.5 < scale < 10


@pytest.mark.parametrize("method", [fit_platt, fit_temperature])
def test_a_margin_that_falls_where_defects_are_is_refused(method: object) -> None:
    margins, truth = drawn(1000, scale=-1.0, shift=0.0)

    with pytest.raises(UsageError, match=r"falls where defects are.*look at the dataset"):
        method(margins, truth)  # type: ignore[operator]


def test_a_score_at_the_limit_counts_as_float32() -> None:
    calibration = Calibration(scale=1.0, shift=0.0, limit=0.7)
    exact = float(np.log(0.7 / 0.3))  # as float64 it may come out a hair below 0.7

    assert calibration.counts(np.array([exact, exact - 1e-3])).tolist() == [True, False]


def test_extreme_margins_overflow_nothing() -> None:
    assert sigmoid(np.array([-1e6, 0.0, 1e6])).tolist() == [0.0, 0.5, 1.0]


def test_a_fold_is_judged_by_a_fit_that_did_not_see_it() -> None:
    margins, truth = drawn(400, scale=1.0, shift=0.0)
    folds = np.arange(400) % 4
    tiles = table(margins, truth, folds)
    choice = Choice(recall=0.9)

    crossed = cross_fit(tiles, gather(tiles), "platt", choice)

    for fold in range(4):
        other = tiles.of(folds != fold)
        assert crossed.fits[fold] == fit(other, gather(other), "platt", choice)
    swapped = np.where(folds == 0, ~truth, truth)  # what fold 0 says of itself changes its own fit not at all
    again = cross_fit(table(margins, swapped, folds), gather(table(margins, swapped, folds)), "platt", choice)
    assert again.fits[0] == crossed.fits[0]
    assert again.fits[1] != crossed.fits[1]


def test_a_fold_without_defects_is_judged_like_any_other() -> None:
    margins, truth = drawn(400, scale=1.0, shift=0.0)
    folds = np.arange(400) % 4
    tiles = table(margins, truth & (folds != 2), folds)

    assert set(cross_fit(tiles, gather(tiles), "platt", Choice()).fits) == {0, 1, 2, 3}


def test_where_all_defects_lie_in_one_fold_it_alone_has_no_fit() -> None:
    margins, truth = drawn(400, scale=1.0, shift=0.0)
    folds = np.arange(400) % 4
    tiles = table(margins, truth & (folds == 2), folds)

    crossed = cross_fit(tiles, gather(tiles), "platt", Choice())

    assert set(crossed.fits) == {0, 1, 3}
    assert not crossed.knows(np.array([2])).any()
    assert np.isnan(crossed.probability(np.array([1.0]), np.array([2]))).all()
