"""From a camera's pixel format to RGB or grey."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from edge_inspector.acquire import packed, readers
from edge_inspector.acquire.readers import Levels, Reader, plain
from edge_inspector.core.errors import CameraFormatError
from edge_inspector.core.frame import U8, FrameShape

_BAND_BYTES = 256 * 1024
"""Formats that take several steps are read so much at a time: what one step leaves, the next finds in the cache."""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """One pixel format that can be read."""

    name: str
    """PFNC name, as the camera's `PixelFormat` feature says it."""
    code: int
    """PFNC value, as each buffer says it."""
    bits_per_pixel: int
    """In the buffer."""
    channels: int
    """Channels of the frame it becomes: 1 grey, 3 RGB."""
    reader: Reader
    depth: int = 8
    """Bits of a value. More than 8 are brought to 8."""
    group: int = 1
    """Pixels that share bytes: a row has a whole number of groups."""
    in_bands: bool = False
    """Some rows are read at a time; not possible where a pixel depends on the row above."""
    levels: Levels | None = None
    """Values that become 0 and 255; None drops the low bits."""

    @property
    def is_plain(self) -> bool:
        """Whether the bytes in the buffer are the frame's own."""
        return self.reader is plain

    def row_bytes(self, width: int) -> int:
        """Return the bytes of a row without its padding."""
        return width * self.bits_per_pixel // 8


def _bayer(name: str, code: int, conversion: int) -> PixelFormat:
    return PixelFormat(name, code, 8, 3, readers.mosaic(conversion))


def _colours(name: str, code: int, n: int, conversion: int) -> PixelFormat:
    return PixelFormat(name, code, 8 * n, 3, readers.colours(n, conversion))


def _deep(name: str, code: int, depth: int) -> PixelFormat:
    return PixelFormat(name, code, 16, 1, readers.deep(depth), depth, in_bands=True)


def _packed(name: str, code: int, packing: packed.Packing, depth: int) -> PixelFormat:
    group = len(packing.pixels)
    bits = 8 * packing.n_bytes // group
    return PixelFormat(name, code, bits, 1, readers.packed(packing, depth), depth, group, in_bands=True)


def _yuv(name: str, code: int, y0: int, u: int, y1: int, v: int) -> PixelFormat:
    return PixelFormat(name, code, 16, 3, readers.yuv422(y0, u, y1, v), group=2, in_bands=True)


FORMATS: tuple[PixelFormat, ...] = (
    PixelFormat("Mono8", 0x01080001, 8, 1, readers.plain),
    PixelFormat("RGB8", 0x02180014, 24, 3, readers.plain),
    _colours("BGR8", 0x02180015, 3, cv2.COLOR_BGR2RGB),
    _colours("RGBa8", 0x02200016, 4, cv2.COLOR_RGBA2RGB),
    _colours("BGRa8", 0x02200017, 4, cv2.COLOR_BGRA2RGB),
    # OpenCV's short Bayer names (BayerBG for PFNC's BayerRG) are shifted by one row and column; the long ones are not.
    _bayer("BayerGR8", 0x01080008, cv2.COLOR_BayerGRBG2RGB),
    _bayer("BayerRG8", 0x01080009, cv2.COLOR_BayerRGGB2RGB),
    _bayer("BayerGB8", 0x0108000A, cv2.COLOR_BayerGBRG2RGB),
    _bayer("BayerBG8", 0x0108000B, cv2.COLOR_BayerBGGR2RGB),
    _deep("Mono10", 0x01100003, 10),
    _deep("Mono12", 0x01100005, 12),
    _deep("Mono14", 0x01100025, 14),
    _deep("Mono16", 0x01100007, 16),
    _packed("Mono10p", 0x010A0046, packed.MONO10P, 10),
    _packed("Mono12p", 0x010C0047, packed.MONO12P, 12),
    _packed("Mono10Packed", 0x010C0004, packed.MONO10_PACKED, 10),
    _packed("Mono12Packed", 0x010C0006, packed.MONO12_PACKED, 12),
    _yuv("YUV422_8", 0x02100032, y0=0, u=1, y1=2, v=3),
    _yuv("YUV422_8_UYVY", 0x0210001F, u=0, y0=1, v=2, y1=3),
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


def fit_format(pixel_format: PixelFormat, shape: FrameShape, levels: Levels | None) -> PixelFormat:
    """Return a pixel format as it is read for frames of one size.

    Args:
        pixel_format: As `find_format` found it.
        shape: The configured frame.
        levels: Values that become 0 and 255; None drops the low bits of formats that have more than eight.

    Raises:
        CameraFormatError: A row of this width is no whole number of bytes, or the levels fit no value of the format.
    """
    name, depth = pixel_format.name, pixel_format.depth
    if shape.width % pixel_format.group:
        raise CameraFormatError(
            f"a row of {shape.width} pixels {name} is no whole number of groups of {pixel_format.group} pixels, which "
            f"share bytes; set camera.frame.width to a multiple of {pixel_format.group}, or camera.pixel_format to a "
            "format that is not packed"
        )
    if levels is None:
        return pixel_format
    black, white = levels
    if depth == 8:
        raise CameraFormatError(f"{name} has 8 bits already; leave camera.levels out, or set another pixel_format")
    if not 0 <= black < white < 2**depth:
        raise CameraFormatError(
            f"camera.levels {black} to {white} are no range of {name}, whose values go from 0 to {2**depth - 1}"
        )
    return replace(pixel_format, levels=levels)


def n_bytes_needed(pixel_format: PixelFormat, shape: FrameShape, padding_x: int) -> int:
    """Return how many bytes a buffer must hold for a whole picture; the padding of the last row may be missing."""
    row = pixel_format.row_bytes(shape.width)
    return (row + padding_x) * (shape.height - 1) + row


def rows_in(buffer: bytes, offset: int, padding_x: int, pixel_format: PixelFormat, shape: FrameShape) -> U8:
    """Return the rows of a picture as they lie in a buffer: a view, read-only, valid as long as the buffer's content.

    Args:
        buffer: Memory that holds at least `offset` + `n_bytes_needed` bytes.
        offset: Where the picture begins, in bytes.
        padding_x: Bytes after each row that are not pixels.
        pixel_format: How the bytes are to be read.
        shape: Height and width.

    Returns:
        Shape (h, bytes of a row), contiguous along a row.

    Raises:
        ValueError: The buffer is too short.
    """
    if len(buffer) - offset < n_bytes_needed(pixel_format, shape, padding_x):
        raise ValueError(
            f"buffer of {len(buffer) - offset} bytes is too short for {shape.height}x{shape.width} {pixel_format.name}"
        )
    row = pixel_format.row_bytes(shape.width)
    return np.ndarray((shape.height, row), np.uint8, buffer, offset, (row + padding_x, 1))


def copy_to_rgb(buffer: bytes, offset: int, padding_x: int, pixel_format: PixelFormat, out: U8) -> None:
    """Copy the picture in a buffer into `out`, as RGB or grey of 8 bits.

    Args:
        buffer: Memory that holds at least `offset` + `n_bytes_needed` bytes.
        offset: Where the picture begins, in bytes.
        padding_x: Bytes after each row that are not pixels.
        pixel_format: How the bytes are to be read.
        out: Shape (h, w, c), C-contiguous; overwritten.

    Raises:
        ValueError: The buffer is too short.
    """
    height = len(out)
    rows = rows_in(buffer, offset, padding_x, pixel_format, FrameShape(*out.shape))
    band = max(1, _BAND_BYTES // rows.shape[1]) if pixel_format.in_bands else height
    for top in range(0, height, band):
        pixel_format.reader(rows[top : top + band], out[top : top + band], pixel_format.levels)
