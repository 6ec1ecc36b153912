"""How scores separate defects from sound ones, and how far they are probabilities. Pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import (  # type: ignore[import-untyped]
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from export.judge.statistics import Numbers, Truth

BINS = 10

CARRIED_FROM = 3
"""A rate of false rejects is used when it means at least so many parts: with fewer, one part more or less moves it by
half, and the escape rate that belongs to it is chance."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points from left to right."""

    x: Numbers
    y: Numbers


@dataclass(frozen=True, slots=True)
class Bin:
    """Tiles of like probability."""

    count: int
    said: float
    """Mean probability of the tiles."""
    seen: float
    """Share of them that are DEFECT."""


def has_both(truth: Truth) -> bool:
    """Return whether there are defects and sound ones; nothing can be separated otherwise."""
    return 0 < int(truth.sum()) < len(truth)


def auroc(scores: Numbers, truth: Truth) -> float | None:
    """Return the area under the ROC curve; None unless both kinds are there."""
    return float(roc_auc_score(truth, scores)) if has_both(truth) else None


def average_precision(scores: Numbers, truth: Truth) -> float | None:
    """Return the average precision; None unless both kinds are there. It depends on the share of defects."""
    return float(average_precision_score(truth, scores)) if has_both(truth) else None


def roc(scores: Numbers, truth: Truth) -> Curve:
    """Return false-reject rate (x) against the share of defects found (y). Both kinds must be there."""
    false_rejects, found, _ = roc_curve(truth, scores)
    return Curve(false_rejects, found)


def precision_recall(scores: Numbers, truth: Truth) -> Curve:
    """Return the share of defects found (x) against the share of rejects that are defects (y)."""
    precision, recall, _ = precision_recall_curve(truth, scores)
    return Curve(recall[::-1], precision[::-1])


def reliability(probabilities: Numbers, truth: Truth, bins: int = BINS) -> list[Bin]:
    """Return what was said and what was seen, in bins of equal width from 0 to 1; empty ones are left out."""
    number = np.minimum((probabilities * bins).astype(int), bins - 1)
    return [
        Bin(int(rows.sum()), float(probabilities[rows].mean()), float(truth[rows].mean()))
        for rows in (number == b for b in range(bins))
        if rows.any()
    ]


def calibration_error(probabilities: Numbers, truth: Truth, bins: int = BINS) -> float:
    """Return the expected calibration error: how far said and seen lie apart on average (ECE)."""
    gaps = [b.count * abs(b.said - b.seen) for b in reliability(probabilities, truth, bins)]
    return float(sum(gaps) / len(probabilities))


def carries(n_sound: int, rate: float) -> bool:
    """Return whether so many sound parts carry a statement at this false-reject rate."""
    return n_sound * rate >= CARRIED_FROM - 1e-9


def threshold_at(scores: Numbers, truth: Truth, rate: float) -> float:
    """Return the lowest threshold, itself a score or infinity, at which at most `rate` of the sound ones count.

    A score counts from the threshold on (score >= threshold), as on the line.
    """
    sound = np.sort(scores[~truth])[::-1]
    allowed = int(np.floor(rate * len(sound) + 1e-9))
    if allowed >= len(sound):
        return float(scores.min())
    above = scores[scores > sound[allowed]]
    return float(above.min()) if len(above) else float("inf")


def escape_rate_at(scores: Numbers, truth: Truth, rate: float) -> float:
    """Return the share of defects that do not count at `threshold_at` this rate; NaN unless both kinds are there."""
    if not has_both(truth):
        return float("nan")
    return float((scores[truth] < threshold_at(scores, truth, rate)).mean())
