"""What is left of a tile's score when only some of its heat cells may speak. Pure.

The margin of a tile is the mean of its heat map, and the logit of its score is that margin times a scale plus a shift
(the calibration). So the score without a cell's evidence can be computed: the cell's heat is cut off at 0. Evidence for
a defect is taken away so, evidence for OK stays, nothing is added: no score ever rises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import F32
from edge_inspector.decide.boxes import connected

Bools = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]
_NEAREST = 1e-7  # of a score to 0 and 1: float32 next to 1 tells no more
_FARTHEST = 80.0  # of a logit from 0: its score is within 1e-34 of the end, and exp does not overflow


@dataclass(frozen=True, slots=True)
class Margin:
    """How a model's score follows from its heat: logit(score) = scale * mean(heat) + shift."""

    scale: float
    """Over 0."""
    shift: float


def tile_scores(scores: F32) -> F32:
    """Return shape (n,): 1 - p(OK) of each tile, or its largest defect probability should rounding make that larger.

    Args:
        scores: Shape (n, n_labels), the first label means OK.
    """
    return np.asarray(np.maximum(1.0 - scores[:, 0], scores[:, 1:].max(axis=1)), np.float32)


def weakened(scores: F32, heat: F32, kept: Bools, margin: Margin) -> F32:
    """Return the scores as they are when cells that are not kept hold no evidence for a defect.

    Exact for two labels. A model with more shows the heat of its worst label alone and is refused before it comes
    here: what was taken from one label would be taken from all, and a defect of another label could pass.

    Args:
        scores: Shape (n, n_labels), finite.
        heat: Shape (n, h', w'), finite.
        kept: Shape (n, h', w').
        margin: Of the model that gave scores and heat.

    Returns:
        Shape (n, n_labels). A tile of which nothing is taken keeps its scores to the last bit.
    """
    taken = np.where(kept, 0.0, np.maximum(heat, 0.0)).mean(axis=(1, 2), dtype=np.float64)
    is_less = taken > 0.0
    if not is_less.any():
        return scores
    before = tile_scores(scores[is_less]).astype(np.float64)
    bounded = before.clip(_NEAREST, 1.0 - _NEAREST)
    # A score that float32 shows as 1 may stand for any larger logit; the heat knows it.
    by_heat = margin.scale * heat[is_less].mean(axis=(1, 2), dtype=np.float64) + margin.shift
    logit = np.maximum(np.log(bounded / (1.0 - bounded)), by_heat) - margin.scale * taken[is_less]
    after = np.minimum(before, 1.0 / (1.0 + np.exp(-logit.clip(-_FARTHEST, _FARTHEST))))
    result = scores.copy()
    result[is_less, 0] = 1.0 - after
    result[is_less, 1:] *= (after / np.maximum(before, _NEAREST))[:, None]
    return result


def reaching(heat: F32, cells: Bools) -> Bools:
    """Return the cells of one tile that make up the defects of a zone: its own, and every blob that reaches into it.

    A defect on the border of two zones so has its whole area in both, instead of a half in each.

    Args:
        heat: Shape (h', w'), -inf in ignored cells.
        cells: Shape (h', w'), those of the zone.
    """
    kept = cells.copy()
    evidence = heat > 0.0
    if (evidence & ~cells).any():
        ys, xs = np.nonzero(evidence)
        for blob in connected(set(zip(ys.tolist(), xs.tolist(), strict=True))):
            if any(cells[cell] for cell in blob):
                for cell in blob:
                    kept[cell] = True
    return kept
