"""From labelled pictures to labelled tiles. A group (one physical part or place) is never cut in two.

`index.csv` names the pictures: columns file, mask, group, split (others are ignored). A mask is a grey picture of the
same size, 0 where the surface is sound.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import U8
from edge_inspector.tile.cut import cut_tiles
from edge_inspector.tile.grid import grid_corners

TILE_HW = (256, 256)
DEFECT_FROM_PX = 100
"""Mask pixels from which a tile is DEFECT; 0 is OK, and what lies between is left out as nobody's truth."""

CALIBRATION_SHARE = 5
"""One train group in five is kept from training, to fit the calibration and the limit on."""

LONG_SERIES = 10
"""Pictures from which a group counts as a series; series and single pictures are shared out apart."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One line of index.csv."""

    file: Path
    mask: Path
    group: str
    split: str
    """`train` or `val`."""

    def pixels(self) -> U8:
        """Return the picture, shape (h, w, 3), RGB."""
        return cv2.cvtColor(_read(self.file, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)

    def mask_pixels(self) -> npt.NDArray[np.bool_]:
        """Return where the surface is defective, shape (h, w)."""
        return _read(self.mask, cv2.IMREAD_GRAYSCALE) > 0


@dataclass(frozen=True, slots=True)
class Tile:
    """One labelled tile of a picture."""

    picture: int
    """Index into the list of pictures."""
    y: int
    x: int
    mask_px: int
    group: str

    @property
    def is_defect(self) -> bool:
        """The truth about the tile."""
        return self.mask_px >= DEFECT_FROM_PX


@dataclass(frozen=True, slots=True)
class Split:
    """Pictures by what they are used for; no group stands in two of them."""

    train: tuple[Picture, ...]
    calibration: tuple[Picture, ...]
    """Of the index's train groups, never trained on."""
    validation: tuple[Picture, ...]
    """Used for the reported numbers alone."""


def read_index(folder: Path) -> list[Picture]:
    """Return the pictures of a data folder.

    Raises:
        UsageError: No index.csv, or a column or a picture it names is missing.
    """
    index = folder / "index.csv"
    if not index.is_file():
        raise UsageError(f"{index} does not exist; give a folder with index.csv, pictures and masks")
    with index.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    if not rows or (missing := {"file", "mask", "group", "split"} - set(rows[0])):
        raise UsageError(f"{index} has no pictures or lacks the columns {sorted(missing) if rows else ''}")
    pictures = [Picture(folder / row["file"], folder / row["mask"], row["group"], row["split"]) for row in rows]
    for picture in pictures:
        for path in (picture.file, picture.mask):
            if not path.is_file():
                raise UsageError(f"{path} is named by {index} but does not exist; copy the data again")
    return pictures


def split_by_group(pictures: Sequence[Picture], seed: int) -> Split:
    """Share pictures out by whole groups; of the train groups one in five goes to calibration, chosen by `seed`.

    Raises:
        UsageError: A group stands in two splits of the index: numbers from such a split are worthless.
    """
    splits: dict[str, set[str]] = {}
    for picture in pictures:
        splits.setdefault(picture.group, set()).add(picture.split)
    if torn := sorted(group for group, names in splits.items() if len(names) > 1):
        raise UsageError(f"{len(torn)} groups stand in two splits, first {torn[0]}; give each group one split")
    train_groups = [group for group, names in splits.items() if names == {"train"}]
    count = {group: sum(p.group == group for p in pictures) for group in train_groups}
    held: set[str] = set()
    # A series and a single picture differ in kind here, so each kind gives its fifth.
    for is_series in (True, False):
        kind = [g for g in train_groups if (count[g] >= LONG_SERIES) == is_series]
        kind.sort(key=lambda g: hashlib.sha256(f"{seed} {g}".encode()).hexdigest())
        held.update(kind[: -(-len(kind) // CALIBRATION_SHARE)])
    return Split(
        train=tuple(p for p in pictures if p.split == "train" and p.group not in held),
        calibration=tuple(p for p in pictures if p.group in held),
        validation=tuple(p for p in pictures if p.split == "val"),
    )


def label_tiles(pictures: Sequence[Picture], overlap: int) -> list[Tile]:
    """Return every tile of the grid whose truth is clear, in the order of the pictures and the grid."""
    tiles = []
    for i, picture in enumerate(pictures):
        mask = picture.mask_pixels()
        for y, x in grid_corners(mask.shape[:2], TILE_HW, overlap).tolist():
            mask_px = int(np.count_nonzero(mask[y : y + TILE_HW[0], x : x + TILE_HW[1]]))
            if mask_px == 0 or mask_px >= DEFECT_FROM_PX:
                tiles.append(Tile(i, y, x, mask_px, picture.group))
    return tiles


def read_tiles(pictures: Sequence[Picture], tiles: Sequence[Tile]) -> U8:
    """Return the pixels of tiles, shape (n, 256, 256, 3), RGB. Decodes each picture once."""
    out = np.empty((len(tiles), *TILE_HW, 3), np.uint8)
    by_picture: dict[int, list[int]] = {}
    for row, tile in enumerate(tiles):
        by_picture.setdefault(tile.picture, []).append(row)
    for number, rows in by_picture.items():
        corners = np.array([(tiles[row].y, tiles[row].x) for row in rows], dtype=np.intp)
        out[rows] = cut_tiles(pictures[number].pixels(), corners, TILE_HW)
    return out


def data_sha256(pictures: Sequence[Picture]) -> str:
    """Return one hash over the bytes of all pictures and masks, in the order of their names."""
    whole = hashlib.sha256()
    for picture in sorted(pictures, key=lambda p: p.file.name):
        for path in (picture.file, picture.mask):
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _read(path: Path, flags: int) -> npt.NDArray[np.uint8]:
    pixels = cv2.imread(str(path), flags)
    if pixels is None:
        raise UsageError(f"{path} cannot be decoded as a picture; copy the data again")
    return pixels.astype(np.uint8, copy=False)
