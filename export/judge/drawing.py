"""Pictures for reports: the outline of a mask, the heat over a part, and JPEG inside the page."""

from __future__ import annotations

import base64

import cv2
import numpy as np

from edge_inspector.core.frame import F32, U8, Index
from export.judge.statistics import Truth

LONGEST_PX = 640
"""Of a picture in a report: a phone's width twice over, and some forty kilobytes."""

QUALITY = 82
OUTLINE = (0, 229, 255)
"""Cyan: no metal and no heat has it."""
HOT = (255, 64, 0)


def outlined(pixels: U8, mask: Truth | None) -> U8:
    """Return the picture with the mask's outline, drawn around it so that it hides nothing; the same without a mask."""
    if mask is None:
        return pixels
    thick = max(1, round(max(pixels.shape[:2]) / LONGEST_PX))
    kernel = np.ones((2 * thick + 3,) * 2, np.uint8)
    around = cv2.dilate(mask.astype(np.uint8), kernel) > 0
    inner = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    drawn = pixels.copy()
    drawn[around & ~inner] = OUTLINE
    return drawn


def joined(heat: F32, corners_yx: Index, frame_hw: tuple[int, int], tile_hw: tuple[int, int]) -> F32:
    """Return the heat of a whole part, one value a pixel, in cells as they are; where tiles overlap the higher one.

    Args:
        heat: Of its tiles, shape (n, h', w').
        corners_yx: Where they lie, shape (n, 2).
        frame_hw: Of the part.
        tile_hw: Of a tile.

    Returns:
        Shape `frame_hw`; minus infinity where no tile lies.
    """
    whole = np.full(frame_hw, -np.inf, np.float32)
    for cells, (y, x) in zip(heat, corners_yx.tolist(), strict=True):
        place = whole[y : y + tile_hw[0], x : x + tile_hw[1]]
        big = cv2.resize(cells, (place.shape[1], place.shape[0]), interpolation=cv2.INTER_NEAREST)
        np.maximum(place, big, out=place)
    return whole


def heated(pixels: U8, heat: F32) -> U8:
    """Return the picture, grey, with what speaks for DEFECT in orange: the hottest cell full, 0 and below none."""
    grey = np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2).astype(np.float32)
    peak = float(heat.max())
    if peak <= 0:
        return grey.astype(np.uint8)
    share = np.clip(heat / peak, 0.0, 1.0)[:, :, None] * 0.6  # so that the surface stays to be seen
    mixed: U8 = (grey * (1 - share) + np.array(HOT, np.float32) * share).round().astype(np.uint8)
    return mixed


def data_uri(pixels: U8) -> str:
    """Return a picture, made smaller if it is large, as a data: address of a JPEG."""
    factor = LONGEST_PX / max(pixels.shape[:2])
    if factor < 1:
        pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8)
    ok, code = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
    assert ok, "OpenCV encodes any uint8 picture"
    return "data:image/jpeg;base64," + base64.b64encode(code.tobytes()).decode()
