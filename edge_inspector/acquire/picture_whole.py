"""Whether a picture's file is whole and holds one picture in grey or RGB: asked before it is decoded.

A decoder fills what is missing with grey and goes on, and shows the first of several pictures. A part must not pass
on what was filled in, nor on one view of two. Which damage a decoder notices differs between its versions; this does
not. What no file says, such as a changed bit inside a JPEG's or BMP's pixels, cannot be seen here.
"""

from __future__ import annotations

import struct
import zlib

_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length: TEM, restarts."""
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END = 0xDA, b"\xff\xd9"
_CUT = "cut off or damaged"


def picture_fault(data: bytes) -> str | None:
    """Return why a PNG, JPEG, BMP or TIFF file must not be judged, in words; None when nothing speaks against it."""
    try:
        if data[:4] == b"\x89PNG":
            return _png_fault(data)
        if data[:2] == b"\xff\xd8":
            return _jpeg_fault(data)
        if data[:2] == b"BM":
            return _bmp_fault(data)
        return _tiff_fault(data)
    except (struct.error, IndexError):
        return _CUT


def _png_fault(data: bytes) -> str | None:
    at = 8
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"acTL" and length >= 4 and struct.unpack_from(">I", data, at + 8)[0] > 1:
            return "holds several pictures"
        body_end = at + 8 + length
        (told,) = struct.unpack_from(">I", data, body_end)
        if zlib.crc32(memoryview(data)[at + 4 : body_end]) != told:
            return _CUT
        if kind == b"IEND":
            return None
        at = body_end + 4


def _jpeg_fault(data: bytes) -> str | None:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        elif marker == _SCAN:
            # Inside a scan a byte FF is never followed by D9, so the first such pair ends the picture.
            return None if data.find(_END, at) >= 0 else _CUT
        else:
            n_channels = data[at + 9] if marker in _JPEG_FRAMES else 3
            if n_channels not in (1, 3):
                return f"has {n_channels} inks (CMYK); grey or RGB is needed"
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return _CUT


def _bmp_fault(data: bytes) -> str | None:
    (offset,) = struct.unpack_from("<I", data, 10)
    width, height, _, depth, packing = struct.unpack_from("<iiHHI", data, 18)
    if packing in (1, 2):  # run lengths: a decoder leaves out what no run covers
        return "is a compressed BMP; save it uncompressed, or as PNG"
    row = (abs(width) * depth + 31) // 32 * 4  # rows end on four bytes
    return None if offset + row * abs(height) <= len(data) else _CUT


def _tiff_fault(data: bytes) -> str | None:
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (n_entries,) = struct.unpack_from(order + "H", data, directory)
    entries = {
        tag: (kind, count, place)
        for place in range(directory + 2, directory + 2 + 12 * n_entries, 12)
        for tag, kind, count in [struct.unpack_from(order + "HHI", data, place)]
    }
    (following,) = struct.unpack_from(order + "I", data, directory + 2 + 12 * n_entries)
    if following:
        return "holds several pictures"
    for offsets, sizes in ((273, 279), (324, 325)):  # strips, tiles
        if offsets in entries:
            if sizes not in entries:
                return _CUT
            starts, lengths = (_numbers(data, order, *entries[tag]) for tag in (offsets, sizes))
            is_whole = all(start + size <= len(data) for start, size in zip(starts, lengths, strict=False))
            return None if is_whole and len(starts) == len(lengths) else _CUT
    return _CUT


def _numbers(data: bytes, order: str, kind: int, count: int, place: int) -> tuple[int, ...]:
    """Return the values of one entry: in its own four bytes when they fit there, else where these point to."""
    letter, size = ("H", 2) if kind == 3 else ("I", 4)
    if count * size > len(data):  # before a format of gigabytes is made of it
        raise struct.error
    at = place + 8 if count * size <= 4 else struct.unpack_from(order + "I", data, place + 8)[0]
    return struct.unpack_from(f"{order}{count}{letter}", data, at)
