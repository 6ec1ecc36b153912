"""What a training learns from and is judged by: the tiles of a dataset, and which of them serve for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import U8
from export.data.index import Cutting, data_sha256, read_cutting, read_index
from export.data.picture import Picture
from export.data.tiles import Tile, label_tiles, read_mask, read_tiles
from export.data.truth import Mask

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Material:
    """Every tile stands once; three lists of rows say what it serves for."""

    pictures: Sequence[Picture]
    cutting: Cutting
    sha256: str
    tiles: Sequence[Tile]
    """In the order of the pictures, so that each is decoded once."""
    learn: Rows
    """Tiles of the train split to learn from; they may overlap."""
    score: Rows
    """Tiles of the train split on the line's grid, each scored once out of fold."""
    test: Rows
    """Tiles of the test split on the line's grid."""
    groups: npt.NDArray[np.str_]
    """Group of each tile."""
    truth: npt.NDArray[np.bool_]
    """Whether each tile is DEFECT."""

    def pixels(self, rows: Sequence[int] | Rows) -> U8:
        """Return tiles, uint8 (n, side, side, 3), RGB, read from their pictures."""
        return read_tiles(self.pictures, [self.tiles[row] for row in rows], self.cutting)

    def mask(self, row: int) -> Mask | None:
        """Return which pixels of a tile are masked, (side, side); None: nobody drew a mask."""
        tile = self.tiles[row]
        return read_mask(self.pictures[tile.picture], tile, self.cutting)

    def count_defects(self, rows: Rows) -> int:
        """Return how many DEFECT tiles of the line's grid the groups of some tiles have.

        Of tiles that overlap several show the same defect.
        """
        ours = self.score[np.isin(self.groups[self.score], self.groups[rows])]
        return int(self.truth[ours].sum())

    def summary(self) -> dict[str, object]:
        """Return what config.json says of the data."""
        n_defect = int(self.truth[self.score].sum())
        return {
            "sha256": self.sha256,
            "cutting": asdict(self.cutting),
            "pictures": len(self.pictures),
            "groups": len(set(self.groups[self.score].tolist())),
            "ok_tiles": len(self.score) - n_defect,
            "defect_tiles": n_defect,
            "test_tiles": len(self.test),
        }


def read_material(dataset: Path, overlap: int) -> Material:
    """Return the tiles of a dataset folder.

    Raises:
        UsageError: The folder is not a dataset, a picture cannot be read, or no tile can be learned from.
    """
    pictures, cutting = read_index(dataset), read_cutting(dataset)
    grid = label_tiles(pictures, cutting, 0)
    learn = [
        tile
        for tile in (label_tiles(pictures, cutting, overlap) if overlap and cutting.mode == "grid" else grid)
        if pictures[tile.picture].split == "train"
    ]
    if not learn:
        raise UsageError(f"{dataset} has no tile of the train split whose truth is clear; look at its report")
    tiles = sorted({_place(tile): tile for tile in (*grid, *learn)}.values(), key=_place)
    row_of = {_place(tile): row for row, tile in enumerate(tiles)}
    is_test = np.array([pictures[tile.picture].split == "test" for tile in grid], bool)
    grid_rows = np.array([row_of[_place(tile)] for tile in grid], np.intp)
    return Material(
        pictures=pictures,
        cutting=cutting,
        sha256=data_sha256(pictures),
        tiles=tiles,
        learn=np.array([row_of[_place(tile)] for tile in learn], np.intp),
        score=grid_rows[~is_test],
        test=grid_rows[is_test],
        groups=np.array([tile.group for tile in tiles]),
        truth=np.array([tile.is_defect for tile in tiles]),
    )


def _place(tile: Tile) -> tuple[int, int, int]:
    return tile.picture, tile.y, tile.x
