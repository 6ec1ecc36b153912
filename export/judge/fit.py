"""Two numbers that make a margin a probability, fitted so that no number is judged by its own rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from edge_inspector.core.errors import UsageError
from export.data.scores import Scores
from export.judge.curves import auroc, has_both
from export.judge.limit import Choice, choose
from export.judge.parts import Parts
from export.judge.statistics import Numbers, Truth

Method = Literal["platt", "temperature"]

WEAK_PRIOR = 100.0
"""Variance of the scale: matters only when the margin separates the tiles without error, and then keeps it finite."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """p(DEFECT) = sigmoid(scale * margin + shift), and the score from which a tile counts as a defect."""

    scale: float
    """Above 0, so the order of tiles and the meaning of the heat map stay."""
    shift: float
    """0 when the method is temperature."""
    limit: float
    recall: float | None = None
    """Share of the defects that the limit was to catch; None when it comes from costs."""
    n_tiles: int = 0
    n_defect_tiles: int = 0
    groups: tuple[str, ...] = ()
    method: Method = "platt"
    choice: dict[str, Any] = field(default_factory=dict)
    """How the limit was chosen: the fields of `Choice`."""
    bounds: dict[str, Any] = field(default_factory=dict)
    """What can be promised at the limit, see `export.judge.limit.promise`."""
    ece: float | None = None
    """Calibration error of tiles, each calibrated by a fit on the other folds; None when that was not possible."""

    @property
    def sha256(self) -> str:
        """Hash of every number: what was measured with one calibration is not bundled with another."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def probability(self, margins: Numbers) -> Numbers:
        """Return p(DEFECT) of margins."""
        return sigmoid(self.scale * margins + self.shift)

    def counts(self, margins: Numbers) -> Truth:
        """Return which margins reach the limit: score >= limit, both as float32, as the line compares."""
        answer: Truth = self.probability(margins).astype(np.float32) >= np.float32(self.limit)
        return answer


def sigmoid(z: Numbers) -> Numbers:
    """Return 1 / (1 + exp(-z)) without overflow."""
    answer: Numbers = np.exp(-np.logaddexp(0.0, -z))
    return answer


def fit_platt(margins: Numbers, truth: Truth) -> tuple[float, float]:
    """Return (scale, shift) of the logistic regression of truth on margin.

    The tiles must come in the shares in which the line sees them: the shift carries that share.

    Raises:
        UsageError: The margin does not rise with the truth, so the network has learned nothing.
    """
    model = LogisticRegression(C=WEAK_PRIOR).fit(margins[:, None], truth)
    return _rising(float(model.coef_[0, 0]), margins, truth), float(model.intercept_[0])


def fit_temperature(margins: Numbers, truth: Truth) -> tuple[float, float]:
    """Return (1 / temperature, 0.0): the scale under which the truth is likeliest, margin 0 staying at one half.

    Raises:
        UsageError: As for `fit_platt`.
    """
    sign = np.where(truth, -1.0, 1.0)

    def loss(log_scale: float) -> float:
        scale = np.exp(log_scale)
        return float(np.logaddexp(0.0, sign * scale * margins).sum() + scale**2 / (2 * WEAK_PRIOR))

    best = minimize_scalar(loss, bounds=(-9.0, 9.0), method="bounded", options={"xatol": 1e-9})
    # The loss falls from scale 0 towards positive ones only when the margin rises with the truth.
    rises = float((sign * margins).sum()) < 0
    return _rising(float(np.exp(best.x)) if rises else -1.0, margins, truth), 0.0


FITS: dict[Method, Callable[[Numbers, Truth], tuple[float, float]]] = {
    "platt": fit_platt,
    "temperature": fit_temperature,
}


def _rising(scale: float, margins: Numbers, truth: Truth) -> float:
    area = auroc(margins, truth) or 0.0
    if scale <= 0 or area < 0.5:
        raise UsageError(
            f"the margin falls where defects are (AUROC {area:.3f}): the network has learned nothing, or labels are "
            "swapped; look at the dataset's report and at log.csv, then train again; if only the zero of the margin "
            "is displaced, use --method platt"
        )
    return scale


def fit(tiles: Scores, parts: Parts, method: Method, choice: Choice) -> Calibration:
    """Return calibration and limit from these rows alone, without bounds.

    Raises:
        UsageError: A kind is missing, or the margin falls where defects are.
    """
    if not has_both(tiles.truth):
        raise UsageError("OK and DEFECT tiles are both needed to calibrate; add the missing kind to the dataset")
    scale, shift = FITS[method](tiles.margin, tiles.truth)
    found = Calibration(scale, shift, limit=1.0, method=method)
    of_tiles, of_parts = found.probability(tiles.margin), found.probability(parts.margin)
    return replace(found, limit=choose(choice, (of_tiles, tiles.truth), (of_parts, parts.truth)))


@dataclass(frozen=True, slots=True)
class CrossFit:
    """For each fold the calibration that was fitted, and its limit chosen, on the other folds alone.

    What was fitted on a row flatters that row; so every number that promises something comes from here.
    """

    fits: dict[int, Calibration]
    """A fold is missing when the others could not carry a fit: all defects lie in it, say."""

    def knows(self, folds: npt.NDArray[np.intp]) -> Truth:
        """Return for which rows there is a fit."""
        return np.isin(folds, list(self.fits))

    def probability(self, margins: Numbers, folds: npt.NDArray[np.intp]) -> Numbers:
        """Return p(DEFECT) of each row by the fit that did not see it; NaN where there is none."""
        answer = np.full(len(margins), np.nan)
        for fold, found in self.fits.items():
            answer[folds == fold] = found.probability(margins[folds == fold])
        return answer

    def counts(self, margins: Numbers, folds: npt.NDArray[np.intp]) -> Truth:
        """Return which rows reach the limit of the fit that did not see them; False where there is none."""
        answer = np.zeros(len(margins), bool)
        for fold, found in self.fits.items():
            answer[folds == fold] = found.counts(margins[folds == fold])
        return answer


def cross_fit(tiles: Scores, parts: Parts, method: Method, choice: Choice) -> CrossFit:
    """Return the fits of all folds that the others can carry."""
    fits = {}
    for number in np.unique(tiles.fold).tolist():
        try:
            fits[number] = fit(tiles.of(tiles.fold != number), parts.of(parts.fold != number), method, choice)
        except UsageError:
            continue  # too little is left without this fold; the fit on all rows may stand nevertheless
    return CrossFit(fits)
