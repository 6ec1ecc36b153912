"""Text on a picture: the caption bar and the small number plates."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge_inspector.core.frame import U8
from edge_inspector.core.verdict import Outcome

FONT = cv2.FONT_HERSHEY_SIMPLEX
CAP_HEIGHT_PX = 22.0  # height of a capital letter of this font at scale 1
RGB = tuple[int, int, int]
BAR: RGB = (20, 24, 31)
TEXT: RGB = (235, 238, 242)
QUIET: RGB = (140, 150, 163)
INK: RGB = (16, 18, 22)
VERDICT_RGB: dict[str, RGB] = {Outcome.PASS: (70, 200, 120), Outcome.REJECT: (255, 82, 82)}
UNKNOWN_RGB: RGB = (255, 183, 50)


def font_px(width: int) -> int:
    """Return the height of a capital letter for a picture so many pixels wide: legible when it fills a screen."""
    return max(11, width // 90)


def draw_caption(width: int, verdict: str, texts: Sequence[str], right: str) -> U8:
    """Return the bar under a picture.

    Args:
        width: Width of the bar, in pixels.
        verdict: Shown first, on its colour.
        texts: Shown after it, the first one strongest.
        right: Shown at the right end when there is room.

    Returns:
        Shape (bar height, width, 3), RGB.
    """
    size = font_px(width)
    bar = np.full((size * 3 + 2, width, 3), BAR, np.uint8)
    colour = VERDICT_RGB.get(verdict, UNKNOWN_RGB)
    bar[:2] = colour
    base = (bar.shape[0] + 2 + size) // 2
    pad = size
    plate = text_width(verdict, size, bold=True) + pad * 2
    bar[:, :plate] = colour
    _put(bar, verdict, (base, pad), INK, size, bold=True)
    x = plate + pad
    for i, text in enumerate(texts):
        _put(bar, text, (base, x), QUIET if i else TEXT, size)
        x += text_width(text, size) + pad * 2
    place = width - pad - text_width(right, size)
    if place >= x:
        _put(bar, right, (base, place), QUIET, size)
    return bar


def draw_chip(canvas: U8, corner_yx: tuple[int, int], text: str, colour: RGB, size: int, ink: RGB = INK) -> None:
    """Draw a small plate with a number into a corner, in place.

    Args:
        canvas: Shape (H, W, 3), RGB.
        corner_yx: Top-left corner of the plate, in pixels.
        text: What stands on it.
        colour: Its ground.
        size: Height of a capital letter, in pixels.
        ink: Colour of the text.
    """
    top, left = corner_yx
    right, bottom = left + text_width(text, size) + size, top + size * 2
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, cv2.FILLED)
    _put(canvas, text, (top + size + size // 2, left + size // 2), ink, size)


def text_width(text: str, size: int, bold: bool = False) -> int:
    """Return how wide a text is, in pixels, with capital letters `size` pixels high."""
    return int(cv2.getTextSize(_ascii(text), FONT, size / CAP_HEIGHT_PX, _stroke(size, bold))[0][0])


def _put(canvas: U8, text: str, base_yx: tuple[int, int], colour: RGB, size: int, bold: bool = False) -> None:
    place = (base_yx[1], base_yx[0])
    cv2.putText(canvas, _ascii(text), place, FONT, size / CAP_HEIGHT_PX, colour, _stroke(size, bold), cv2.LINE_AA)


def _stroke(size: int, bold: bool) -> int:
    return max(2, round(size / 8)) if bold else max(1, round(size / 11))


def _ascii(text: str) -> str:
    # OpenCV 4 draws anything beyond ASCII as question marks, several for one letter.
    return text.encode("ascii", "replace").decode("ascii")
