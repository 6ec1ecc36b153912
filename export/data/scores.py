"""scores.csv: what a model that never saw a tile says of it. Written by `train`, read by everything that judges it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_inspector.core.errors import UsageError
from export.data.index import Cutting
from export.data.picture import Picture
from export.data.tiles import Tile, part_of

COLUMNS = ("picture", "part", "group", "y", "x", "mask_px", "defect", "fold", "margin")
TEST_FOLD = -1
"""Fold of tiles of the `test` split: scored by the final model, which never saw them."""


@dataclass(frozen=True, slots=True)
class Scores:
    """One row a tile, columns of one length; no tile stands there twice."""

    picture: npt.NDArray[np.str_]
    """Name of the picture, as index.csv has it."""
    part: npt.NDArray[np.str_]
    """Name of the part."""
    group: npt.NDArray[np.str_]
    y: npt.NDArray[np.intp]
    x: npt.NDArray[np.intp]
    mask_px: npt.NDArray[np.intp]
    truth: npt.NDArray[np.bool_]
    """True: DEFECT."""
    fold: npt.NDArray[np.intp]
    """The fold whose model did not train on this tile and scored it; -1: the test split, by the final model."""
    margin: npt.NDArray[np.float64]
    """z_defect - z_ok, not calibrated."""

    def of(self, rows: npt.NDArray[np.bool_]) -> Scores:
        """Return some of the rows."""
        return Scores(*(getattr(self, name)[rows] for name in self.__slots__))

    @property
    def folds(self) -> Scores:
        """The out-of-fold rows."""
        return self.of(self.fold >= 0)

    @property
    def test(self) -> Scores:
        """The rows of the test split; may be none."""
        return self.of(self.fold == TEST_FOLD)


def write_scores(
    file: Path,
    pictures: Sequence[Picture],
    tiles: Sequence[Tile],
    cutting: Cutting,
    folds: Sequence[int],
    margins: npt.NDArray[np.float64],
) -> None:
    """Write one row a tile; the file is whole or not there."""
    draft = file.with_suffix(".tmp")
    with draft.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(COLUMNS)
        for tile, fold, margin in zip(tiles, folds, margins.tolist(), strict=True):
            picture = pictures[tile.picture]
            row = [picture.name, part_of(picture, tile, cutting), tile.group, tile.y, tile.x, tile.mask_px]
            writer.writerow([*row, int(tile.is_defect), fold, repr(margin)])
    draft.replace(file)


def read_scores(file: Path) -> Scores:
    """Return what `write_scores` wrote.

    Raises:
        UsageError: It is not there, or is something else.
    """
    if not file.is_file():
        raise UsageError(f"{file} does not exist; train first: python -m export train --help")
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.reader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} is damaged ({error}); train again") from error
    if not rows or tuple(rows[0]) != COLUMNS or len(rows) < 2:
        raise UsageError(f"{file} is not a table of scores; train again")
    try:
        picture, part, group, *rest = zip(*rows[1:], strict=True)
        y, x, mask_px, truth, fold = (np.array([int(value) for value in column], np.intp) for column in rest[:5])
        margin = np.array([float(value) for value in rest[5]])
    except ValueError as error:
        raise UsageError(f"{file} is damaged ({error}); train again") from error
    return Scores(np.array(picture), np.array(part), np.array(group), y, x, mask_px, truth == 1, fold, margin)
