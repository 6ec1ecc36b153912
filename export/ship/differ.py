"""How far two graphs' answers to the same tiles lie apart. Needs NumPy alone: the line's benchmarks ask it too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import F32


def compare(exact: tuple[F32, F32], other: tuple[F32, F32], limit: float) -> dict[str, float]:
    """Return how far (scores, heat) of one graph lie from those of another on the same tiles.

    `score_gap` is the largest difference of a score, `margin_rms` the usual one of the uncalibrated margin relative to
    its spread, `flips` the tiles whose verdict changes, `peak_moves` the share of tiles counting in the first whose
    hottest cell moves by more than one cell.
    """
    (a, heat_a), (b, heat_b) = exact, other
    margin_a, margin_b = heat_a.mean(axis=(1, 2)), heat_b.mean(axis=(1, 2))
    counts = counting(a, limit)
    moved = np.abs(_peaks(heat_a) - _peaks(heat_b)).max(axis=1) > 1
    return {
        "score_gap": float(np.abs(a - b).max()),
        "margin_rms": float(np.sqrt(np.mean((margin_a - margin_b) ** 2)) / max(float(margin_a.std()), 1e-6)),
        "flips": int((counts != counting(b, limit)).sum()),
        "peak_moves": float(moved[counts].mean()) if counts.any() else 0.0,
    }


def counting(scores: F32, limit: float) -> npt.NDArray[np.bool_]:
    """Return which tiles reach the limit, as float32, as the line compares."""
    reached: npt.NDArray[np.bool_] = scores[:, 1] >= np.float32(limit)
    return reached


def _peaks(heat: F32) -> npt.NDArray[np.intp]:
    flat = heat.reshape(len(heat), -1).argmax(axis=1)
    return np.stack(np.unravel_index(flat, heat.shape[1:]), axis=1)
