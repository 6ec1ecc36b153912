"""Copying tiles out of a frame."""

from __future__ import annotations

import numpy as np

from edge_inspector.core.frame import U8, Index


def cut_tiles(pixels: U8, corners_yx: Index, tile_hw: tuple[int, int], out: U8 | None = None) -> U8:
    """Copy tiles of one frame into one batch, in the order of `corners_yx`.

    Args:
        pixels: Shape (H, W, c), RGB or grey.
        corners_yx: Shape (n, 2), top-left corner of each tile, in pixels.
        tile_hw: Tile height and width, in pixels.
        out: Shape (>= n, tile_h, tile_w, c'), filled from the front; None allocates. With c' = 3 and c = 1 the
            grey value is repeated, so that a grey camera can feed an RGB model.

    Returns:
        Shape (n, tile_h, tile_w, c'). A copy: the frame may be overwritten at once.

    Raises:
        ValueError: A tile reaches outside the frame.
    """
    height, width = tile_hw
    n = len(corners_yx)
    if out is None:
        out = np.empty((n, height, width, pixels.shape[2]), np.uint8)
    for i, (y, x) in enumerate(corners_yx.tolist()):
        if y < 0 or x < 0 or y + height > pixels.shape[0] or x + width > pixels.shape[1]:
            raise ValueError(
                f"tile {height}x{width} at (y={y}, x={x}) reaches outside frame {pixels.shape[0]}x{pixels.shape[1]}"
            )
        out[i] = pixels[y : y + height, x : x + width]
    return out[:n]
