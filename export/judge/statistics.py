"""What few parts prove and what they do not: intervals, bounds and tests. Pure functions of arrays.

Tiles of one part, and parts of one group, are not independent. Where that matters whole groups are drawn again
(bootstrap); where a bound counts rows as independent (Clopper-Pearson, McNemar) its docstring says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, binomtest  # type: ignore[import-untyped]

Numbers = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]
Names = npt.NDArray[np.str_]

ROUNDS = 2000
"""Bootstrap rounds: enough for the two digits of an interval that are worth writing down."""

CONFIDENCE = 0.95

MOST_PARTS = 1_000_000
"""Above this nobody collects bad parts; `parts_needed` gives up."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of a number, both ends included."""

    low: float
    high: float

    def rounded(self, digits: int = 4) -> list[float]:
        """Return [low, high] as JSON has it."""
        return [round(self.low, digits), round(self.high, digits)]


def clopper_pearson(hits: int, count: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the exact two-sided interval of a rate, of `count` independent trials; [0, 1] when there were none."""
    if count == 0:
        return Interval(0.0, 1.0)
    tail = (1.0 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, count - hits + 1))
    high = 1.0 if hits == count else float(beta.ppf(1.0 - tail, hits + 1, count - hits))
    return Interval(low, high)


def upper_bound(hits: int, count: int, confidence: float = CONFIDENCE) -> float:
    """Return the rate that is not exceeded, at this confidence (one-sided Clopper-Pearson): what can be promised."""
    if hits >= count:
        return 1.0
    return float(beta.ppf(confidence, hits + 1, count - hits))


def parts_needed(
    escapes: int, parts: int, wanted: float, at_rate: bool = False, confidence: float = CONFIDENCE
) -> int | None:
    """Return how many bad parts there must be so that `upper_bound` of their escapes is at most `wanted`.

    Args:
        escapes: That were seen.
        parts: Bad parts they were seen among; the answer is not below it.
        wanted: Escape rate to be promised, above 0 and below 1.
        at_rate: Further parts escape at the rate seen (rounded up); else none of them escapes.
        confidence: Of the promise.

    Returns:
        None: more than a million, or never.
    """
    start, step = max(parts, escapes, 1), 4096
    rate = escapes / parts if parts and at_rate else 0.0
    if rate >= wanted:
        return None
    while start <= MOST_PARTS:
        n = np.arange(start, start + step)
        # The small step back keeps 0.1 * 30 = 3.0000000000000004 from counting as 4 escapes.
        k = np.maximum(escapes, np.ceil(rate * n - 1e-9)) if at_rate else np.full(step, float(escapes))
        bounds = np.where(k >= n, 1.0, beta.ppf(confidence, k + 1, np.maximum(n - k, 1e-9)))
        if (found := np.flatnonzero(bounds <= wanted)).size:
            return int(n[found[0]])
        start, step = start + step, min(step * 2, 1 << 18)
    return None


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the exact two-sided p-value that two judges err equally often, of independent parts.

    Args:
        only_a: Parts that A alone judged wrongly.
        only_b: Parts that B alone judged wrongly.
    """
    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue) if only_a + only_b else 1.0


def group_draws(n_groups: int, rounds: int = ROUNDS, seed: int = 1) -> npt.NDArray[np.intp]:
    """Return how often each group is drawn in each round of a bootstrap, shape (rounds, groups), rows sum to groups."""
    return np.random.default_rng(seed).multinomial(n_groups, np.full(n_groups, 1 / n_groups), rounds).astype(np.intp)


def percentile_interval(values: Numbers, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the middle of the values that are numbers; None when there are none."""
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(values, [tail, 100.0 - tail])
    return Interval(float(low), float(high))


def group_bootstrap(
    statistic: Callable[[npt.NDArray[np.intp]], float], groups: Names, rounds: int = ROUNDS, seed: int = 1
) -> Interval | None:
    """Return the 95 % interval of a statistic when whole groups are drawn again.

    Args:
        statistic: Gets row numbers, with repeats; returns NaN where these rows cannot carry it.
        groups: Group of each row.
        rounds: How often.
        seed: Of the draws.

    Returns:
        None: no draw carried the statistic, or there is only one group, which says nothing of others.
    """
    rows = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    if len(rows) < 2:
        return None
    values = [
        statistic(np.concatenate([np.tile(rows[i], n) for i, n in enumerate(draw) if n]))
        for draw in group_draws(len(rows), rounds, seed).tolist()
    ]
    return percentile_interval(np.array(values))


def group_wins(scores: Numbers, truth: Truth, groups: Names) -> tuple[Numbers, Numbers]:
    """Return the AUROC's parts by pairs of groups.

    Returns:
        (wins, pairs), each (g, g), groups sorted by name: of the defects of the row's group against the sound ones of
        the column's group, how many score higher (a tie is half), and how many pairs there are.
    """
    names, number = np.unique(groups, return_inverse=True)
    wins, pairs = np.zeros((len(names), len(names))), np.zeros((len(names), len(names)))
    defects, of = scores[truth], number[truth]
    n_defects = np.bincount(of, minlength=len(names)).astype(float)
    for column in range(len(names)):
        sound = np.sort(scores[~truth & (number == column)])
        below = (np.searchsorted(sound, defects, "left") + np.searchsorted(sound, defects, "right")) / 2
        wins[:, column] = np.bincount(of, weights=below, minlength=len(names))
        pairs[:, column] = n_defects * len(sound)
    return wins, pairs


def auroc_draws(wins: Numbers, pairs: Numbers, draws: npt.NDArray[np.intp]) -> Numbers:
    """Return the AUROC of each draw of groups; NaN where a draw lacks one of the two kinds."""
    weights = draws.astype(np.float64)
    total = np.einsum("rg,gh,rh->r", weights, pairs, weights, optimize=True)
    won = np.einsum("rg,gh,rh->r", weights, wins, weights, optimize=True)
    areas: Numbers = np.divide(won, total, out=np.full(len(draws), np.nan), where=total > 0)
    return areas


def auroc_interval(
    scores: Numbers, truth: Truth, groups: Names, rounds: int = ROUNDS, seed: int = 1
) -> Interval | None:
    """Return the 95 % interval of the AUROC, whole groups drawn again; None as for `group_bootstrap`."""
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        return None
    wins, pairs = group_wins(scores, truth, groups)
    return percentile_interval(auroc_draws(wins, pairs, group_draws(n_groups, rounds, seed)))


def auroc_difference(
    scores_a: Numbers, scores_b: Numbers, truth: Truth, groups: Names, rounds: int = ROUNDS, seed: int = 1
) -> Interval | None:
    """Return the 95 % interval of AUROC A - AUROC B of the same rows; each draw of groups is judged by both."""
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        return None
    draws = group_draws(n_groups, rounds, seed)
    a, b = (auroc_draws(*group_wins(scores, truth, groups), draws) for scores in (scores_a, scores_b))
    return percentile_interval(a - b)
