"""From margins to probabilities and a limit, on groups the network was never trained on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from edge_inspector.core.errors import UsageError
from export.data.dataset import read_index, split_by_group
from export.learn.train import load_config, load_network, scored_tiles

CALIBRATION_FILE = "calibration.json"

Numbers = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Calibration:
    """p(DEFECT) = sigmoid(scale * margin + shift), and the score from which a tile counts as a defect."""

    scale: float
    """Above 0, so the order of tiles and the meaning of the heat map stay."""
    shift: float
    limit: float
    recall: float
    """Share of the calibration groups' defect tiles that the limit was to catch."""
    n_tiles: int
    n_defect_tiles: int
    groups: tuple[str, ...]

    def probability(self, margins: Numbers) -> Numbers:
        """Return p(DEFECT) of margins."""
        return 1.0 / (1.0 + np.exp(-(self.scale * margins + self.shift)))


def calibrate(data: Path, run: Path, recall: float) -> Calibration:
    """Fit the calibration of a run and leave it there as JSON."""
    pictures = split_by_group(read_index(data), load_config(run).seed).calibration
    tiles, margins = scored_tiles(load_network(run), pictures)
    truth = np.array([tile.is_defect for tile in tiles])
    scale, shift = fit_platt(margins, truth)
    fitted = Calibration(
        scale=scale,
        shift=shift,
        limit=1.0,
        recall=recall,
        n_tiles=len(tiles),
        n_defect_tiles=int(truth.sum()),
        groups=tuple(sorted({tile.group for tile in tiles})),
    )
    limit = limit_for_recall(fitted.probability(margins), truth, recall)
    result = Calibration(**(asdict(fitted) | {"limit": limit}))
    (run / CALIBRATION_FILE).write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")
    return result


def load_calibration(run: Path) -> Calibration:
    """Return the calibration of a run."""
    values = json.loads((run / CALIBRATION_FILE).read_text(encoding="utf-8"))
    return Calibration(**(values | {"groups": tuple(values["groups"])}))


def fit_platt(margins: Numbers, truth: Truth) -> tuple[float, float]:
    """Return (scale, shift) of the logistic regression of truth on margin.

    The tiles must come in the shares in which the line sees them: the shift carries that share.

    Raises:
        UsageError: The margin does not rise with the truth, so the network has learned nothing.
    """
    # C: a weak prior of scale, which only matters when the margin separates the tiles without error.
    model = LogisticRegression(C=100.0).fit(margins[:, None], truth)
    scale, shift = float(model.coef_[0, 0]), float(model.intercept_[0])
    if scale <= 0:
        raise UsageError(f"the margin falls where defects are (scale {scale:.3f}): train again, look at log.csv")
    return scale, shift


def limit_for_recall(scores: Numbers, truth: Truth, recall: float) -> float:
    """Return the highest limit, in thousandths, at which at least `recall` of the defects count (score >= limit)."""
    defects = np.sort(scores[truth])[::-1]
    needed = int(np.ceil(recall * len(defects)))
    # Rounded down, so that the last needed defect still counts; never 0, which would reject everything.
    return max(0.001, float(np.floor(defects[needed - 1] * 1000) / 1000))
