"""Where an endless web ends: tiles of plain background are skipped from both ends of each row. Pure.

Only from the ends inward, up to the first tile that is not background: a dark patch inside the web is a defect. So is
a dark band across all of it: a row in which no tile shows web is inspected whole, and a picture without web is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_inspector.core.frame import U8, Index
from edge_inspector.tile.regions import REST, Plan

_SPARSE_STEP = 8  # every so many rows are looked at first


@dataclass(frozen=True, slots=True)
class Background:
    """What a pixel and a tile of background look like; one of the two thresholds is set."""

    darker_than: int | None
    """Every value of the pixel is below this."""
    brighter_than: int | None
    """Every value of the pixel is above this."""
    share: float
    """Share of a tile's pixels from which the tile is background."""
    min_tiles: int
    """With fewer tiles left the part must not pass."""


class WebEdges:
    """Finds the tiles of a frame that show the web.

    Args:
        plan: The tiles, and the zones that must not lie beside the web altogether.
        tile_hw: Tile height and width, in pixels.
        background: What lies beside the web.
    """

    def __init__(self, plan: Plan, tile_hw: tuple[int, int], background: Background) -> None:
        self._corners, self._tile_hw, self._background = plan.corners_yx.tolist(), tile_hw, background
        self._zones = [cells.any(axis=(1, 2)) for name, cells in plan.zones if name != REST]
        self._rows = _rows(plan.corners_yx, tile_hw[1])
        n_pixels = tile_hw[0] * tile_hw[1]
        self._may_differ = n_pixels - int(np.ceil(background.share * n_pixels))

    def tiles(self, pixels: U8) -> Index | None:
        """Return the places of the tiles to judge, ascending; None when the part must not pass.

        None: fewer tiles are left than `min_tiles`, or none of a named zone: what was to be inspected is not there.

        Args:
            pixels: Shape (h, w, c), RGB or grey.
        """
        is_left = np.ones(len(self._corners), bool)
        is_nothing = True
        for row, walks in self._rows:
            for walk in walks:
                for tile in walk:
                    if is_left[tile] and not self._is_background(pixels, tile):
                        break
                    is_left[tile] = False
            # A row without any web lies across it: a stain or a hole from edge to edge, which the model must see.
            is_nothing &= not is_left[row].any()
            is_left[row] |= not is_left[row].any()
        if (
            is_nothing
            or is_left.sum() < self._background.min_tiles
            or not all((zone & is_left).any() for zone in self._zones)
        ):
            return None
        return np.flatnonzero(is_left)

    def _is_background(self, pixels: U8, tile: int) -> bool:
        y, x = self._corners[tile]
        height, width = self._tile_hw
        patch = pixels[y : y + height, x : x + width]
        # A few rows may hold more web than all rows may: then nothing more needs to be looked at. They can only say
        # "web", so the shortcut never skips a tile that the whole of it would not.
        return self._may_hold(patch[::_SPARSE_STEP]) and self._may_hold(patch)

    def _may_hold(self, patch: U8) -> bool:
        """Return whether no more pixels differ from background than a tile of it may hold."""
        low, high = self._background.darker_than, self._background.brighter_than
        other = patch >= low if low is not None else patch <= (high if high is not None else 255)
        n_values, channels = int(np.count_nonzero(other)), patch.shape[2]
        # Of 3 values that differ at least 1 pixel does: most tiles are told apart by that, without going by pixels.
        if n_values <= self._may_differ:
            return True
        if n_values > channels * self._may_differ:
            return False
        by_pixel = other[:, :, 0]
        for channel in range(1, channels):
            by_pixel = by_pixel | other[:, :, channel]
        return int(np.count_nonzero(by_pixel)) <= self._may_differ


def _rows(corners_yx: Index, tile_w: int) -> list[tuple[Index, tuple[list[int], list[int]]]]:
    """Return each row's tiles, and its walks: from the left and the right up to where one is missing between two."""
    rows = []
    for y in np.unique(corners_yx[:, 0]):
        row = np.flatnonzero(corners_yx[:, 0] == y)
        row = row[np.argsort(corners_yx[row, 1])]
        gaps = np.flatnonzero(np.diff(corners_yx[row, 1]) > tile_w)
        first, last = (int(gaps[0]), int(gaps[-1])) if len(gaps) else (len(row) - 1, -1)
        rows.append((row, (row[: first + 1].tolist(), row[last + 1 :][::-1].tolist())))
    return rows
