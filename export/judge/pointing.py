"""The pointing game: does the heat map's peak lie on the defect that a person drew?

After Zhang et al., "Top-down Neural Attention by Excitation Backprop" (ECCV 2016): a map hits when its highest point is
in the object's outline, with a tolerance of 15 pixels. Here the highest point is a cell of 32 x 32 pixels; it is a hit
when that cell, grown by 15 pixels on every side, holds a masked pixel. Cells chosen by chance hit as well; how often is
told beside the score.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import F32
from export.judge.statistics import Truth

TOLERANCE_PX = 15


def hit_cells(mask: npt.NDArray[np.bool_], cells_hw: tuple[int, int], tolerance_px: int = TOLERANCE_PX) -> Truth:
    """Return which cells of a tile would be a hit, shape `cells_hw`.

    Args:
        mask: Of the tile, shape (h, w).
        cells_hw: Rows and columns of the heat map.
        tolerance_px: Pixels by which a cell is grown on every side.
    """
    side = 2 * tolerance_px + 1
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    ys, xs = (
        np.linspace(0, size, cells + 1).round().astype(int) for size, cells in zip(mask.shape, cells_hw, strict=True)
    )
    return np.array([[grown[y0:y1, x0:x1].any() for x0, x1 in pairwise(xs)] for y0, y1 in pairwise(ys)])


def play(heat: F32, mask: npt.NDArray[np.bool_]) -> tuple[bool, float]:
    """Return whether the peak cell is a hit, and how likely a cell chosen by chance is."""
    cells = hit_cells(mask, (heat.shape[0], heat.shape[1]))
    return bool(cells.flat[int(heat.argmax())]), float(cells.mean())
