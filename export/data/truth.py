"""The truth about the tiles of a masked picture: OK, DEFECT, or nobody's."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import Index
from edge_inspector.tile.grid import grid_corners
from export.data.index import Cutting

GAP_PX = 9
"""Masked pixels nearer than this are one defect: masks are drawn by hand, and a crack is drawn in pieces."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TileTruth:
    """One row a tile."""

    mask_px: npt.NDArray[np.intp]
    is_ok: Mask
    """No pixel is masked."""
    is_defect: Mask
    """What is neither is nobody's truth."""


def judge_tiles(mask: Mask, corners: Index, cutting: Cutting) -> TileTruth:
    """Return the truth about tiles of a picture.

    A tile is DEFECT when it holds `defect_from_px` masked pixels, and of one defect at least `defect_share` of what the
    tile of the line's grid holds that shows it best. So the end of a crack that a tile's border cuts off is nobody's
    truth: nobody could see it there, and the neighbour shows the crack. The tile that shows a defect best always keeps
    its truth, so no part becomes sound by this.

    Args:
        mask: Of the picture, shape (h, w).
        corners: (y, x) of each tile.
        cutting: Of the dataset.
    """
    defect = _defects(mask)
    held = _held(defect, corners, cutting.tile_hw)
    shown = _held(defect, grid_corners(mask.shape, cutting.tile_hw, 0), cutting.tile_hw)
    best = shown[shown.sum(axis=1) >= cutting.defect_from_px].max(axis=0, initial=1)
    mask_px = held.sum(axis=1)
    is_shown = (held >= np.maximum(cutting.defect_share * best, 1)).any(axis=1)  # at least one pixel
    return TileTruth(mask_px, mask_px == 0, (mask_px >= cutting.defect_from_px) & is_shown)


def _defects(mask: Mask) -> npt.NDArray[np.int32]:
    """Return the number of each pixel's defect, 0 where none is masked."""
    near = cv2.dilate(mask.astype(np.uint8), np.ones((GAP_PX, GAP_PX), np.uint8))
    numbers = cv2.connectedComponents(near)[1].astype(np.int32)
    return np.where(mask, numbers, 0)


def _held(defect: npt.NDArray[np.int32], corners: Index, tile_hw: tuple[int, int]) -> npt.NDArray[np.intp]:
    """Return how many pixels of each defect each tile holds, shape (tiles, defects)."""
    count = int(defect.max(initial=0)) + 1
    height, width = tile_hw
    rows = [np.bincount(defect[y : y + height, x : x + width].ravel(), minlength=count) for y, x in corners.tolist()]
    return np.array(rows, np.intp).reshape(len(rows), count)[:, 1:]
