"""A folder of pictures as a file of raw frames that the producer plays."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.errors import CameraNotFoundError

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}
_BAYER = {"BayerRG8": "RGGB", "BayerGR8": "GRBG", "BayerGB8": "GBRG", "BayerBG8": "BGGR"}
_DEEP = {"Mono10": 10, "Mono12": 12, "Mono14": 14, "Mono16": 16}
WRITABLE = ("Mono8", "RGB8", "BGR8", "RGBa8", *_BAYER, *_DEEP)
"""Pixel formats in which pictures can be played."""

U8 = npt.NDArray[np.uint8]


class Frames(NamedTuple):
    """What was written."""

    path: Path
    width: int
    height: int
    n_frames: int


def write_pictures(folder: Path, path: Path, pixel_format: str = "Mono8") -> Frames:
    """Write every picture of a folder, in the order of their names, as raw frames one after the other.

    Args:
        folder: PNG, JPEG, BMP or TIFF files, all of one size.
        path: The file to write; a part's picture is frame (part number - 1) modulo the number of frames.
        pixel_format: One of `WRITABLE`.

    Raises:
        CameraNotFoundError: There are no pictures, or one cannot be used.
    """
    if pixel_format not in WRITABLE:
        raise CameraNotFoundError(f"pictures cannot be played as {pixel_format}; use one of {', '.join(WRITABLE)}")
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in _SUFFIXES) if folder.is_dir() else []
    if not files:
        raise CameraNotFoundError(f"there are no pictures in {folder}; put PNG, JPEG, BMP or TIFF files there")
    size: tuple[int, int] | None = None
    with path.open("wb") as out:
        for file in files:
            rgb = _read(file)
            size = size or (rgb.shape[0], rgb.shape[1])
            if rgb.shape[:2] != size or rgb.shape[1] % 4:
                raise CameraNotFoundError(
                    f"{file} is {rgb.shape[1]}x{rgb.shape[0]}, a simulated camera sends one size ({size[1]}x{size[0]}, "
                    "its width a multiple of 4); scale or crop the pictures alike"
                )
            out.write(_encode(rgb, pixel_format).tobytes())
    assert size is not None
    return Frames(path, size[1], size[0], len(files))


def _read(file: Path) -> U8:
    bgr = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if bgr is None:
        raise CameraNotFoundError(f"{file} cannot be read as a picture; remove it or save it anew")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _encode(rgb: U8, pixel_format: str) -> npt.NDArray[np.generic]:
    if pixel_format == "RGB8":
        return rgb
    if pixel_format == "BGR8":
        return rgb[:, :, ::-1]
    if pixel_format == "RGBa8":
        return np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
    if pixel_format in _BAYER:
        return _mosaic(rgb, _BAYER[pixel_format])
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    if pixel_format in _DEEP:
        return (grey.astype("<u2") << (_DEEP[pixel_format] - 8)).astype("<u2")
    return grey


def _mosaic(rgb: U8, tile: str) -> U8:
    """Return what a colour sensor sees: one colour per pixel, in tiles of two by two."""
    out = np.empty(rgb.shape[:2], np.uint8)
    for i, colour in enumerate(tile):
        y, x = divmod(i, 2)
        out[y::2, x::2] = rgb[y::2, x::2, "RGB".index(colour)]
    return out
