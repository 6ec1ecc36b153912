"""From a camera's pixel format to RGB or grey."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge_inspector.core.errors import CameraFormatError
from edge_inspector.core.frame import U8, FrameShape


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """One pixel format that can be read."""

    name: str
    """PFNC name, as the camera's `PixelFormat` feature says it."""
    code: int
    """PFNC value, as each buffer says it."""
    bytes_per_pixel: int
    channels: int
    """Channels of the frame it becomes: 1 grey, 3 RGB."""
    conversion: int | None
    """OpenCV's colour conversion to RGB; None to copy as it is."""


FORMATS: tuple[PixelFormat, ...] = (
    PixelFormat("Mono8", 0x01080001, 1, 1, None),
    PixelFormat("RGB8", 0x02180014, 3, 3, None),
    PixelFormat("BGR8", 0x02180015, 3, 3, cv2.COLOR_BGR2RGB),
    PixelFormat("RGBa8", 0x02200016, 4, 3, cv2.COLOR_RGBA2RGB),
    PixelFormat("BGRa8", 0x02200017, 4, 3, cv2.COLOR_BGRA2RGB),
    # OpenCV's short Bayer names (BayerBG for PFNC's BayerRG) are shifted by one row and column; the long ones are not.
    PixelFormat("BayerGR8", 0x01080008, 1, 3, cv2.COLOR_BayerGRBG2RGB),
    PixelFormat("BayerRG8", 0x01080009, 1, 3, cv2.COLOR_BayerRGGB2RGB),
    PixelFormat("BayerGB8", 0x0108000A, 1, 3, cv2.COLOR_BayerGBRG2RGB),
    PixelFormat("BayerBG8", 0x0108000B, 1, 3, cv2.COLOR_BayerBGGR2RGB),
)
"""Every format that is read. Others are refused when the camera is armed."""


def find_format(name: str, channels: int) -> PixelFormat:
    """Return the pixel format of a PFNC name that fits a frame with so many channels.

    Raises:
        CameraFormatError: It is not supported, or it gives another number of channels.
    """
    for pixel_format in FORMATS:
        if pixel_format.name == name:
            break
    else:
        known = ", ".join(pixel_format.name for pixel_format in FORMATS)
        raise CameraFormatError(
            f"pixel format {name!r} cannot be read; set camera.pixel_format to one that this camera offers of {known}"
        )
    if pixel_format.channels != channels:
        fitting = ", ".join(candidate.name for candidate in FORMATS if candidate.channels == channels)
        raise CameraFormatError(
            f"pixel format {name} gives {pixel_format.channels} channel(s), camera.frame.channels is {channels}; "
            f"set channels to {pixel_format.channels}, or pixel_format to one of {fitting}"
        )
    return pixel_format


def n_bytes_needed(pixel_format: PixelFormat, shape: FrameShape, padding_x: int) -> int:
    """Return how many bytes a buffer must hold for a whole picture; the padding of the last row may be missing."""
    row = shape.width * pixel_format.bytes_per_pixel
    return (row + padding_x) * (shape.height - 1) + row


def pixels_in(buffer: bytes, offset: int, padding_x: int, pixel_format: PixelFormat, shape: FrameShape) -> U8:
    """Return the picture as it lies in a buffer: a view, read-only, valid as long as the buffer's content.

    Args:
        buffer: Memory that holds at least `offset` + `n_bytes_needed` bytes.
        offset: Where the picture begins, in bytes.
        padding_x: Bytes after each row that are not pixels.
        pixel_format: How the bytes are to be read.
        shape: Height and width.

    Returns:
        Shape (h, w, bytes per pixel); (h, w) for a mosaic.

    Raises:
        ValueError: The buffer is too short.
    """
    height, width, n = shape.height, shape.width, pixel_format.bytes_per_pixel
    if len(buffer) - offset < n_bytes_needed(pixel_format, shape, padding_x):
        raise ValueError(
            f"buffer of {len(buffer) - offset} bytes is too short for {height}x{width} {pixel_format.name}"
        )
    sizes = (height, width) if pixel_format.conversion is not None and n == 1 else (height, width, n)
    strides = (width * n + padding_x, n, 1)[: len(sizes)]
    return np.ndarray(sizes, np.uint8, buffer, offset, strides)


def copy_to_rgb(buffer: bytes, offset: int, padding_x: int, pixel_format: PixelFormat, out: U8) -> None:
    """Copy the picture in a buffer into `out`, as RGB or grey.

    Args:
        buffer: Memory that holds at least `offset` + `n_bytes_needed` bytes.
        offset: Where the picture begins, in bytes.
        padding_x: Bytes after each row that are not pixels.
        pixel_format: How the bytes are to be read.
        out: Shape (h, w, c), C-contiguous; overwritten.

    Raises:
        ValueError: The buffer is too short.
    """
    pixels = pixels_in(buffer, offset, padding_x, pixel_format, FrameShape(*out.shape))
    if pixel_format.conversion is None:
        np.copyto(out, pixels)
    else:
        cv2.cvtColor(pixels, pixel_format.conversion, dst=out)
