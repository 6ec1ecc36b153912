"""From pictures to labelled tiles, cut by the line's own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge_inspector.core.frame import U8
from edge_inspector.tile.cut import cut_tiles
from edge_inspector.tile.grid import grid_corners
from export.data.index import Cutting
from export.data.picture import Picture
from export.data.truth import Mask, judge_tiles


@dataclass(frozen=True, slots=True)
class Tile:
    """One labelled tile of a picture."""

    picture: int
    """Index into the list of pictures."""
    y: int
    x: int
    mask_px: int
    """Defective pixels in it; 0 also where no mask was drawn."""
    group: str
    is_defect: bool
    """The truth about the tile."""


def label_tiles(pictures: Sequence[Picture], cutting: Cutting, overlap: int) -> list[Tile]:
    """Return every tile whose truth is clear, in the order of the pictures and the grid.

    A DEFECT picture without a mask gives no tile of a grid: nobody said where the defect is.

    Args:
        pictures: Where from.
        cutting: Of the dataset.
        overlap: Pixels that neighbouring tiles share at least; 0 as on the line. Not used for whole pictures.
    """
    tiles = []
    for i, picture in enumerate(pictures):
        if cutting.mode == "whole":
            mask_px = 0 if picture.mask is None else int(np.count_nonzero(picture.mask_pixels()))
            tiles.append(Tile(i, 0, 0, mask_px, picture.group, picture.label == "DEFECT"))
        elif picture.mask is not None:
            tiles += _masked(i, picture, cutting, overlap)
        elif picture.label == "OK":
            corners = grid_corners(picture.pixels().shape[:2], cutting.tile_hw, overlap).tolist()
            tiles += [Tile(i, y, x, 0, picture.group, False) for y, x in corners]
    return tiles


def _masked(i: int, picture: Picture, cutting: Cutting, overlap: int) -> list[Tile]:
    mask = picture.mask_pixels()
    corners = grid_corners(mask.shape, cutting.tile_hw, overlap)
    truth = judge_tiles(mask, corners, cutting)
    rows = zip(corners.tolist(), truth.mask_px.tolist(), truth.is_ok.tolist(), truth.is_defect.tolist(), strict=True)
    return [Tile(i, y, x, px, picture.group, bad) for (y, x), px, ok, bad in rows if ok or bad]


def read_tiles(pictures: Sequence[Picture], tiles: Sequence[Tile], cutting: Cutting) -> U8:
    """Return the pixels of tiles, uint8 (n, side, side, 3), RGB. Decodes each picture once."""
    out = np.empty((len(tiles), *cutting.tile_hw, 3), np.uint8)
    by_picture: dict[int, list[int]] = {}
    for row, tile in enumerate(tiles):
        by_picture.setdefault(tile.picture, []).append(row)
    for number, rows in by_picture.items():
        pixels = pictures[number].pixels()
        if cutting.mode == "whole":
            out[rows] = cv2.resize(pixels, cutting.tile_hw[::-1], interpolation=cv2.INTER_AREA)
            continue
        corners = np.array([(tiles[row].y, tiles[row].x) for row in rows], dtype=np.intp)
        out[rows] = cut_tiles(pixels, corners, cutting.tile_hw)
    return out


def read_mask(picture: Picture, tile: Tile, cutting: Cutting) -> Mask | None:
    """Return which pixels of a tile are masked, shape (side, side); None: nobody drew a mask."""
    if picture.mask is None:
        return None
    mask = picture.mask_pixels()
    if cutting.mode == "whole":
        return cv2.resize(mask.astype(np.float32), cutting.tile_hw[::-1], interpolation=cv2.INTER_AREA) > 0.0
    height, width = cutting.tile_hw
    return mask[tile.y : tile.y + height, tile.x : tile.x + width]


def part_of(picture: Picture, tile: Tile, cutting: Cutting) -> str:
    """Return the name of the part that a tile belongs to."""
    return f"{picture.name}#{tile.y}" if cutting.part == "row" else picture.name
