"""From tiles to parts, as the line decides: a part is rejected when its highest tile score reaches the limit."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_inspector.core.errors import UsageError
from export.data.scores import Scores, read_scores
from export.judge.statistics import Names, Numbers, Truth


@dataclass(frozen=True, slots=True)
class Parts:
    """One row a part, sorted by name."""

    name: Names
    picture: Names
    group: Names
    fold: npt.NDArray[np.intp]
    truth: Truth
    """True: a tile of it is DEFECT."""
    margin: Numbers
    """Highest of its tiles."""

    def of(self, rows: Truth) -> Parts:
        """Return some of the rows."""
        return Parts(*(getattr(self, name)[rows] for name in self.__slots__))

    def __len__(self) -> int:
        return len(self.name)


def gather(scores: Scores, unclear: Collection[str] = ()) -> Parts:
    """Return the parts of tiles.

    The calibration is monotone, so the highest margin is the tile with the highest score.

    Args:
        scores: One row a tile.
        unclear: Names of parts to leave out: see `unclear_parts`.
    """
    names, first, number = np.unique(scores.part, return_index=True, return_inverse=True)
    margin = np.full(len(names), -np.inf)
    np.maximum.at(margin, number, scores.margin)
    truth = np.zeros(len(names), bool)
    np.logical_or.at(truth, number, scores.truth)
    parts = Parts(names, scores.picture[first], scores.group[first], scores.fold[first], truth, margin)
    return parts.of(~np.isin(names, list(unclear))) if unclear else parts


def checked_scores(file: Path) -> Scores:
    """Return the scores of a run, if they are such that numbers may be drawn from them.

    Raises:
        UsageError: Not there or damaged; a margin that is no number; a tile twice; a group or a part in two folds.
    """
    scores = read_scores(file)
    if not np.isfinite(scores.margin).all():
        bad = int(np.flatnonzero(~np.isfinite(scores.margin))[0])
        raise UsageError(f"{file}, line {bad + 2}: the margin is {scores.margin[bad]}; look at log.csv and train again")
    tiles = list(zip(scores.picture.tolist(), scores.y.tolist(), scores.x.tolist(), strict=True))
    if len(set(tiles)) < len(tiles):
        raise UsageError(f"{file} holds {len(tiles) - len(set(tiles))} tiles twice; train again")
    for what, names in (("group", scores.group), ("part", scores.part)):
        folds: dict[str, int] = {}
        for name, fold in zip(names.tolist(), scores.fold.tolist(), strict=True):
            if folds.setdefault(name, fold) != fold:
                raise UsageError(f"{file}: {what} {name} stands in folds {folds[name]} and {fold}; train again")
    return scores


def out_of_fold(scores: Scores, file: Path) -> Scores:
    """Return the rows that a model scored which never saw them.

    Raises:
        UsageError: There are none, or only OK ones, or only DEFECT ones.
    """
    rows = scores.folds
    if not len(rows.margin):
        raise UsageError(
            f"{file} has no out-of-fold scores, so nothing can be promised; train with --folds 5, or 2 at least"
        )
    if not rows.truth.any():
        raise UsageError(
            f"{file} holds {len(rows.truth)} OK tiles and no DEFECT one: from good pictures alone no limit and no "
            "escape rate can be told; label defective pictures with masks, make the dataset again and train"
        )
    if rows.truth.all():
        raise UsageError(
            f"{file} holds {len(rows.truth)} DEFECT tiles and no OK one, so false rejects cannot be told; add OK "
            "pictures to the dataset and train again"
        )
    return rows
