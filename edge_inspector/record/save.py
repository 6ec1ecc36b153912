"""Saving one picture where a person asked for it."""

from __future__ import annotations

from pathlib import Path

import cv2

from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import U8


def save_picture(pixels: U8, path: Path) -> None:
    """Write a picture; the extension chooses the format.

    Args:
        pixels: Shape (h, w, c), RGB or grey.
        path: Such as `snap.png`.

    Raises:
        UsageError: It cannot be written there, or not in that format.
    """
    ordered = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.shape[2] == 3 else pixels
    try:
        is_written = cv2.imwrite(str(path), ordered)
    except cv2.error:
        is_written = False
    if not is_written:
        raise UsageError(f"{path} cannot be written; give a file in a folder that exists, ending in .png or .jpg")
