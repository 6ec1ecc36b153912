"""How large a picture says it is, from the first bytes of its file: asked before anything is decoded.

A file of a few kilobytes can decode to gigabytes. What is said here is compared with the frame first, so such a
file is refused for its size and costs nothing.
"""

from __future__ import annotations

import struct

_JPEG_NO_LENGTH = {0x01, 0xD8, *range(0xD0, 0xD8)}
"""Markers without a length: TEM, SOI, restarts."""
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers; C4, C8 and CC are tables."""
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_SHORT = 256, 257, 3


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Return (height, width) of a PNG, JPEG, BMP or TIFF file; None if it is none of them or is broken."""
    try:
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            width, height = struct.unpack_from(">II", data, 16)
            return height, width
        if data[:2] == b"BM":
            width, height = struct.unpack_from("<ii", data, 18)
            return abs(height), width  # a negative height means that the rows go from top to bottom
        if data[:2] == b"\xff\xd8":
            return _jpeg_size(data)
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _tiff_size(data)
    except struct.error:
        return None
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _JPEG_NO_LENGTH:
            at += 2
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return height, width
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]  # a segment counts its own two length bytes
    return None


def _tiff_size(data: bytes) -> tuple[int, int] | None:
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (n_entries,) = struct.unpack_from(order + "H", data, directory)
    found: dict[int, int] = {}
    for entry in range(directory + 2, directory + 2 + 12 * n_entries, 12):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT):
            (found[tag],) = struct.unpack_from(order + ("H" if kind == _TIFF_SHORT else "I"), data, entry + 8)
    if len(found) != 2:
        return None
    return found[_TIFF_HEIGHT], found[_TIFF_WIDTH]
