"""From the bytes of a picture to RGB or grey, one function for each family of pixel formats."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from edge_inspector.acquire.packed import U16, Packing, unpack, unpack_high
from edge_inspector.core.frame import U8

Levels = tuple[int, int]
"""Which values become 0 and 255, in the units of the format."""

Reader = Callable[[U8, U8, Levels | None], None]
"""Reads rows of shape (h, bytes of a row), contiguous along a row, into `out` of shape (h, w, c), C-contiguous.

Levels are for values of more than eight bits; None drops their low bits."""


def plain(rows: U8, out: U8, _levels: Levels | None) -> None:
    """Copy: the bytes are what is wanted."""
    np.copyto(out, rows.reshape(out.shape))


def mosaic(conversion: int) -> Reader:
    """Return a reader of a Bayer mosaic."""

    def read(rows: U8, out: U8, _levels: Levels | None) -> None:
        cv2.cvtColor(rows, conversion, dst=out)

    return read


def colours(n: int, conversion: int) -> Reader:
    """Return a reader of pixels of n bytes, one for each colour."""

    def read(rows: U8, out: U8, _levels: Levels | None) -> None:
        cv2.cvtColor(rows.reshape(len(rows), -1, n), conversion, dst=out)

    return read


def deep(depth: int) -> Reader:
    """Return a reader of grey values of `depth` bits in two bytes each, the low byte first."""

    def read(rows: U8, out: U8, levels: Levels | None) -> None:
        values = rows.view("<u2")
        # OpenCV reads rows that are an odd number of bytes apart (odd padding) as if they were an even one.
        _to_8_bits(values if values.flags.aligned else values.copy(), depth, levels, out)

    return read


def packed(packing: Packing, depth: int) -> Reader:
    """Return a reader of grey values that share bytes."""

    def read(rows: U8, out: U8, levels: Levels | None) -> None:
        if levels is None:
            unpack_high(rows, packing, depth, out)
        else:
            _to_8_bits(unpack(rows, packing), depth, levels, out)

    return read


def yuv422(y0: int, u: int, y1: int, v: int) -> Reader:
    """Return a reader of two pixels in four bytes, which share their colour; the arguments say where each byte lies.

    Brightness and colour take all 256 values (BT.601), as machine vision cameras send them. OpenCV's own conversion
    from YUV 4:2:2 is television's, 16 to 235: it would clip what is dark and what is bright.
    """
    order = [y0, 0, v, 1, u, 2, y1, 3, v, 4, u, 5]  # twice brightness, red difference, blue difference

    def read(rows: U8, out: U8, _levels: Levels | None) -> None:
        pairs = np.empty((len(rows), out.shape[1] // 2, 6), np.uint8)
        cv2.mixChannels([rows.reshape(len(rows), -1, 4)], [pairs], order)
        cv2.cvtColor(pairs.reshape(out.shape), cv2.COLOR_YCrCb2RGB, dst=out)

    return read


def _to_8_bits(values: U16, depth: int, levels: Levels | None, out: U8) -> None:
    grey = out.reshape(out.shape[:2])
    if levels is None:
        # An exact shift to the right: adding half a step less than 0.5 turns rounding into rounding down. A value
        # over the depth, which no camera should send, becomes 255 instead of starting again at 0.
        step = 2.0 ** (8 - depth)
        cv2.convertScaleAbs(values, dst=grey, alpha=step, beta=(step - 1) / 2)
        return
    black, white = levels
    cv2.convertScaleAbs(np.maximum(values, black) - np.uint16(black), dst=grey, alpha=255 / (white - black))
