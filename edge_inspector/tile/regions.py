"""Which parts of a frame are inspected, and by which rules: from areas in pixels to heat cells. Pure.

A cell is the smallest place that the model tells apart (32 px where the network shrinks by 32). It is inspected if any
of its pixels is, and it belongs to every zone that any of its pixels touches: what is drawn never hides more than is
drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import Index
from edge_inspector.tile.grid import grid_corners

Bools = npt.NDArray[np.bool_]
Polygon = tuple[tuple[int, int], ...]
"""Corners (x, y) in pixels of the frame, in order."""
REST = "rest"
"""Name of the zone of all inspected cells that no named zone touches."""


@dataclass(frozen=True, slots=True)
class Regions:
    """What was drawn, in pixels of the frame."""

    roi: tuple[int, int, int, int] | None = None
    """(x, y, width, height) of the rectangle that the tiles are laid over; None for the whole frame."""
    ignored: tuple[tuple[str, Polygon], ...] = ()
    """Name and corners of each area that is never inspected."""
    mask: bytes | None = None
    """One bit for each pixel of the frame, set where nothing is inspected, as `numpy.packbits` packs; None for none."""
    zones: tuple[tuple[str, Polygon], ...] = ()
    """Name and corners of each area with rules of its own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The tiles of a frame and what each heat cell of them is."""

    corners_yx: Index
    """Shape (n, 2), top-left corner in pixels of each tile that holds an inspected cell, row by row; n may be 0."""
    n_grid: int
    """Tiles that the inspected rectangle has, with those that hold nothing to inspect."""
    inspected: Bools
    """Shape (n, h', w'), True for a cell with a pixel to inspect."""
    zones: tuple[tuple[str, Bools], ...]
    """Name and cells, shape (n, h', w'), of each named zone in order; then `rest`, unless it has no cell."""

    @property
    def is_plain(self) -> bool:
        """Whether every cell of every tile is inspected by the same rules."""
        return len(self.zones) == 1 and self.zones[0][0] == REST and bool(self.inspected.all())


def lay_regions(
    frame_hw: tuple[int, int],
    tile_hw: tuple[int, int],
    heat_hw: tuple[int, int],
    overlap: int,
    regions: Regions,
) -> Plan:
    """Lay the tiles over the inspected rectangle and say of each heat cell what it is.

    Args:
        frame_hw: Frame height and width, in pixels.
        tile_hw: Tile height and width, in pixels.
        heat_hw: Rows and columns of a tile's heat map.
        overlap: Pixels that neighbouring tiles share at least.
        regions: What was drawn.

    Raises:
        ValueError: The inspected rectangle is smaller than a tile, or the overlap leaves no step.
    """
    left, top, width, height = regions.roi or (0, 0, frame_hw[1], frame_hw[0])
    corners_yx = grid_corners((height, width), tile_hw, overlap) + np.array((top, left), np.intp)
    inspected = _cells(~ignored_pixels(frame_hw, regions), corners_yx, tile_hw, heat_hw)
    is_kept = inspected.any(axis=(1, 2))
    kept_yx, inspected = corners_yx[is_kept], inspected[is_kept]
    zones, rest = [], inspected.copy()
    for name, polygon in regions.zones:
        cells = inspected & _cells(filled(frame_hw, [polygon]), kept_yx, tile_hw, heat_hw)
        zones.append((name, cells))
        rest &= ~cells
    if rest.any():
        zones.append((REST, rest))
    return Plan(kept_yx, len(corners_yx), inspected, tuple(zones))


def ignored_pixels(frame_hw: tuple[int, int], regions: Regions) -> Bools:
    """Return shape (h, w), True where nothing is inspected: outside the rectangle, in an ignored area or the mask."""
    ignored = filled(frame_hw, [polygon for _, polygon in regions.ignored])
    if regions.mask is not None:
        bits = np.unpackbits(np.frombuffer(regions.mask, np.uint8), count=frame_hw[0] * frame_hw[1])
        ignored |= bits.reshape(frame_hw).astype(bool)
    if regions.roi is not None:
        left, top, width, height = regions.roi
        outside = np.ones(frame_hw, bool)
        outside[top : top + height, left : left + width] = False
        ignored |= outside
    return ignored


def filled(frame_hw: tuple[int, int], polygons: Sequence[Polygon]) -> Bools:
    """Return shape (h, w), True for the pixels of polygons, those under their edges included."""
    canvas = np.zeros(frame_hw, np.uint8)
    for polygon in polygons:  # one by one: together, where two overlap would count as outside
        cv2.fillPoly(canvas, [np.array(polygon, np.int32)], 1)
    return canvas.astype(bool)


def _cells(pixels: Bools, corners_yx: Index, tile_hw: tuple[int, int], heat_hw: tuple[int, int]) -> Bools:
    """Return shape (n, h', w'): whether any pixel of a heat cell is set."""
    sums = np.zeros((pixels.shape[0] + 1, pixels.shape[1] + 1), np.int64)
    sums[1:, 1:] = pixels.cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    (y0, y1), (x0, x1) = (_edges(corners_yx[:, axis], tile_hw[axis], heat_hw[axis]) for axis in (0, 1))
    y0, y1, x0, x1 = y0[:, :, None], y1[:, :, None], x0[:, None, :], x1[:, None, :]
    count: npt.NDArray[np.int64] = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
    return count > 0


def _edges(starts: Index, tile_px: int, n_cells: int) -> tuple[Index, Index]:
    """Return first pixel and the one after the last, shape (n, n_cells); rounded outward as boxes of defects are."""
    cells = np.arange(n_cells)
    first = starts[:, None] + cells * tile_px // n_cells
    after = starts[:, None] - (-(cells + 1) * tile_px // n_cells)
    return first, after
