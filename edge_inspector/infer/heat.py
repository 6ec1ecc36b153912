"""Measuring how a model's score follows from its heat map, and refusing the model where it does not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edge_inspector.bundle.golden import GoldenTile
from edge_inspector.core.frame import F32, U8
from edge_inspector.decide.evidence import Margin, tile_scores

_USABLE_LOGIT = 10.0  # beyond it float32 next to 1 tells logits apart by less than 0.3 %
_MIN_POINTS = 3
_MIN_SPREAD = 1.0
"""Logits that lie closer together than this make no line."""
_MAX_RESIDUAL = 0.25
"""A limit of 0.5 moves by 0.06 so. The shipped model is within 0.0002; INT8 and half precision round more."""


class HeatProbe:
    """Collects answers of a model and fits logit(score) = scale * mean(heat) + shift through them."""

    def __init__(self) -> None:
        self._points: list[tuple[float, float]] = []
        self._n_labels = 2

    def add(self, scores: F32, heat: F32) -> None:
        """Take in the answers to some tiles.

        Args:
            scores: Shape (n, n_labels).
            heat: Shape (n, h', w').
        """
        self._n_labels = scores.shape[1]
        means = heat.mean(axis=(1, 2), dtype=np.float64)
        for score, mean in zip(tile_scores(scores).tolist(), means.tolist(), strict=True):
            if 0.0 < score < 1.0 and abs(logit := math.log(score / (1.0 - score))) < _USABLE_LOGIT:
                self._points.append((mean, logit))

    @property
    def has_enough(self) -> bool:
        """Whether the answers lie far enough apart for a line."""
        logits = [logit for _, logit in self._points]
        return len(logits) >= _MIN_POINTS and max(logits) - min(logits) >= _MIN_SPREAD

    def fit(self) -> Margin | str:
        """Return the line through all answers, or why there is none."""
        if self._n_labels > 2:
            return "the heat map shows the worst label alone, so with several defect labels none can be taken apart"
        if not self.has_enough:
            return f"only {len(self._points)} answers could be used, too few or too much alike"
        means, logits = np.array(self._points).T
        if np.ptp(means) == 0.0:
            return "the heat is the same whatever the score"
        scale, shift = (float(number) for number in np.polynomial.Polynomial.fit(means, logits, 1).convert().coef[::-1])
        off = float(np.abs(scale * means + shift - logits).max())
        if not (scale > 0.0 and off <= _MAX_RESIDUAL):
            return f"a score is {off:.2f} (logit) from what its heat says, over {_MAX_RESIDUAL}, at scale {scale:.3g}"
        return Margin(scale, shift)


def blends(golden: Sequence[GoldenTile]) -> list[U8]:
    """Return mixtures of clearly good and clearly bad golden tiles, whose scores lie between theirs.

    How score and heat hang together is a property of the graph, so any picture shows it.
    """
    by_score = sorted(golden, key=lambda tile: tile.scores[0], reverse=True)
    mixed = []
    for good, bad in zip(by_score[: len(golden) // 2][:2], reversed(by_score), strict=False):
        for step in range(1, 16):
            share = step / 16
            mixed.append(((1.0 - share) * good.pixels + share * bad.pixels).astype(np.uint8))
    return mixed
