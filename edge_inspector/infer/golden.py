"""Comparing what the model answers here with what it answered where it was exported."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_inspector.bundle.golden import GoldenTile, Tolerance
from edge_inspector.core.frame import F32


def first_difference(golden: Sequence[GoldenTile], scores: F32, heat: F32, tolerance: Tolerance) -> str | None:
    """Return what the first answer outside the tolerance is, in words; None when all agree.

    Args:
        golden: The tiles that were run, in order.
        scores: Shape (n, n_labels), what came.
        heat: Shape (n, h', w'), what came.
        tolerance: How far an answer may lie off. NaN lies outside every tolerance.
    """
    for tile, tile_scores, tile_heat in zip(golden, scores.tolist(), heat, strict=True):
        for place, (expected, got) in enumerate(zip(tile.scores, tile_scores, strict=True)):
            if not abs(got - expected) <= tolerance.score:  # not ">": NaN must differ
                return _told(tile, f"score {place}", expected, got, tolerance.score)
        got = float(tile_heat[tile.heat_peak_yx])
        if not abs(got - tile.heat_peak) <= tolerance.peak:
            row, column = tile.heat_peak_yx
            return _told(tile, f"heat at row {row}, column {column}", tile.heat_peak, got, tolerance.peak)
    return None


def tolerance_used(golden: Sequence[GoldenTile], scores: F32, heat: F32, tolerance: Tolerance) -> float:
    """Return how much of the tolerance the worst answer takes: 0 for no difference, over 1 outside; NaN for no answer.

    Args:
        golden: The tiles that were run, in order.
        scores: Shape (n, n_labels), what came.
        heat: Shape (n, h', w'), what came.
        tolerance: How far an answer may lie off.
    """
    expected = np.array([tile.scores for tile in golden])
    peaks = np.array([tile.heat_peak for tile in golden])
    came = np.array([values[tile.heat_peak_yx] for tile, values in zip(golden, heat, strict=True)], float)
    # np.maximum, unlike max, keeps a NaN wherever it stands.
    return float(
        np.maximum(np.abs(scores - expected).max() / tolerance.score, np.abs(came - peaks).max() / tolerance.peak)
    )


def _told(tile: GoldenTile, what: str, expected: float, got: float, tolerance: float) -> str:
    return f"{tile.file} ({tile.label}): {what} should be {expected:.6g} within {tolerance:g}, but is {got:.6g}"
