"""Where the tiles of a frame are."""

from __future__ import annotations

import math

import numpy as np

from edge_inspector.core.frame import Index


def grid_corners(frame_hw: tuple[int, int], tile_hw: tuple[int, int], overlap: int) -> Index:
    """Return the top-left corners of equal tiles that cover every pixel of a frame and nothing outside it.

    Tiles stand at regular steps of (tile - overlap); the last row and column are pushed inward, so they overlap
    their neighbour more instead of inventing pixels.

    Args:
        frame_hw: Frame height and width, in pixels.
        tile_hw: Tile height and width, in pixels.
        overlap: Pixels that neighbours share at least.

    Returns:
        Shape (n, 2), (y, x) of each tile in pixels, row by row from the top left.

    Raises:
        ValueError: The frame is smaller than a tile, or the overlap leaves no step.
    """
    ys = _starts(frame_hw[0], tile_hw[0], overlap, "high")
    xs = _starts(frame_hw[1], tile_hw[1], overlap, "wide")
    return np.array([(y, x) for y in ys for x in xs], dtype=np.intp)


def _starts(length: int, tile: int, overlap: int, axis: str) -> list[int]:
    if length < tile:
        raise ValueError(f"frame is {length} px {axis}, a tile is {tile} px {axis}: the frame must hold a whole tile")
    if not 0 <= overlap < tile:
        raise ValueError(f"overlap of {overlap} px does not fit a tile of {tile} px: it must be from 0 to {tile - 1}")
    steps = math.ceil((length - tile) / (tile - overlap))
    return [min(i * (tile - overlap), length - tile) for i in range(steps + 1)]
