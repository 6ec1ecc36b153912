"""Pictures that a folder may hold by mistake or damage, each with what must become of it."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from fakes.tiny_bundle import Tiles, draw_tile

from edge_inspector.core.frame import FrameShape

SHAPE = FrameShape(112, 128, 3)
"""Of every picture that is right; as the samples of the command line have it."""


@dataclass(frozen=True)
class Picture:
    """One file of the folder."""

    what: str
    """In words, for the table."""
    name: str
    write: Callable[[Path], object]
    """Puts the file at a path."""
    judged_as: Tiles | None = None
    """The pixels that must be judged; None when the part must be UNKNOWN."""


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(rows: Tiles, depth: int, colour: int, before: bytes = b"", size: tuple[int, int] | None = None) -> bytes:
    """Return a PNG of rows of bytes, shape (h, bytes a row).

    Args:
        rows: As they stand in the file.
        depth: Bits a sample.
        colour: PNG's colour type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
        before: Chunks before the pixels.
        size: (height, width) that the header claims; None for that of SHAPE.
    """
    height, width = size or (SHAPE.height, SHAPE.width)
    packed = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def metal(seed: int = 0, spot_px: int = 0) -> Tiles:
    """Return a part of light metal, RGB."""
    return draw_tile((SHAPE.height, SHAPE.width), 3, seed, spot_px)


GOOD = metal()
_FLAT = GOOD.reshape(SHAPE.height, -1)
_GREY = GOOD[:, :, :1]
_BGR = np.ascontiguousarray(GOOD[:, :, ::-1])
_JPEG = cv2.imencode(".jpg", _BGR)[1].tobytes()
_PNG = png(_FLAT, 8, 2)
_BMP = cv2.imencode(".bmp", _BGR)[1].tobytes()
_TIFF = cv2.imencode(".tif", _BGR)[1].tobytes()
_FROM_JPEG = cv2.cvtColor(cv2.imdecode(np.frombuffer(_JPEG, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
WHOLE = {".png": _PNG, ".jpg": _JPEG, ".bmp": _BMP, ".tif": _TIFF}
"""A right picture in every format, to be damaged."""


def _cmyk() -> bytes:
    """Return a JPEG of four inks: every block empty, which is a colour of its own."""

    def part(marker: int, body: bytes) -> bytes:
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body

    frame = struct.pack(">BHHB", 8, SHAPE.height, SHAPE.width, 4) + b"".join(bytes([i, 0x11, 0]) for i in range(1, 5))
    tables = b"".join(part(0xC4, bytes([kind, 1, *[0] * 15, 0])) for kind in (0, 0x10))
    scan = part(0xDA, bytes([4, *[n for i in range(1, 5) for n in (i, 0)], 0, 63, 0]))
    blocks = bytes((SHAPE.height + 7) // 8 * ((SHAPE.width + 7) // 8))  # two bits a block and ink
    return b"\xff\xd8" + part(0xDB, b"\0" + b"\x01" * 64) + part(0xC0, frame) + tables + scan + blocks + b"\xff\xd9"


def _animated() -> bytes:
    control = struct.pack(">IIIIHHBB", SHAPE.width, SHAPE.height, 0, 0, 1, 10, 0, 0)
    first = chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", struct.pack(">I", 0) + control)
    packed = zlib.compress(np.pad(_FLAT, ((0, 0), (1, 0))).tobytes())
    second = chunk(b"fcTL", struct.pack(">I", 1) + control) + chunk(b"fdAT", struct.pack(">I", 2) + packed)
    return png(_FLAT, 8, 2, first).removesuffix(chunk(b"IEND", b"")) + second + chunk(b"IEND", b"")


def _palette() -> tuple[bytes, Tiles]:
    colours = np.random.default_rng(1).integers(140, 160, (256, 3), np.uint8)
    index = np.random.default_rng(2).integers(0, 256, (SHAPE.height, SHAPE.width), np.uint8)
    return png(index, 8, 3, chunk(b"PLTE", colours.tobytes())), colours[index]


def _turned() -> bytes:
    """Return the JPEG with a mark that says: turn me by 90 degrees."""
    tag = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + tag + bytes(4)
    return _JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + _JPEG[2:]


def _two_pages() -> bytes:
    return bytes(np.asarray(cv2.imencodemulti(".tif", [_BGR, _BGR])[1]).tobytes())


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _bytes(what: str, name: str, data: bytes, judged_as: Tiles | None = None) -> Picture:
    return Picture(what, name, lambda path: path.write_bytes(data), judged_as)


_RGBA = np.dstack([GOOD, GOOD[:, :, :1] // 2]).reshape(SHAPE.height, -1)
_WIDE = np.pad(_FLAT, ((0, 0), (0, 3)))
_PALETTE, _PALETTE_PIXELS = _palette()

PICTURES: tuple[Picture, ...] = (
    _bytes("an empty file", "a.png", b""),
    _bytes("text named .png", "a.png", b"this is no picture at all\n"),
    _bytes("a PNG cut off in its middle", "a.png", _PNG[: len(_PNG) // 2]),
    _bytes("a JPEG cut off in its middle", "a.jpg", _JPEG[: len(_JPEG) // 2]),
    _bytes("a JPEG whose second half is zeros", "a.jpg", _JPEG[: len(_JPEG) // 2] + bytes(len(_JPEG) // 2)),
    _bytes("a BMP cut off in its middle", "a.bmp", _BMP[: len(_BMP) // 2]),
    _bytes("a TIFF cut off in its middle", "a.tif", _TIFF[: len(_TIFF) // 2]),
    _bytes("a PNG with one changed bit", "a.png", _flipped(_PNG, len(_PNG) // 2)),
    _bytes("16 bits a sample", "a.png", png(np.repeat(_FLAT, 2, axis=1), 16, 2)),
    _bytes("an alpha channel (RGBA)", "a.png", png(_RGBA, 8, 6), GOOD),
    _bytes("CMYK", "a.jpg", _cmyk()),
    _bytes("a palette", "a.png", _PALETTE, _PALETTE_PIXELS),
    _bytes("grey, where RGB is configured", "a.png", png(_GREY[:, :, 0], 8, 0)),
    _bytes("claims 60000x60000 pixels", "a.png", png(_FLAT, 8, 2, size=(60_000, 60_000))),
    _bytes("one pixel", "a.png", png(_FLAT[:1, :3], 8, 2, size=(1, 1))),
    _bytes("one pixel wider than the frame", "a.png", png(_WIDE, 8, 2, size=(SHAPE.height, SHAPE.width + 1))),
    _bytes("animated (APNG)", "a.png", _animated()),
    _bytes("a GIF named .png", "a.png", b"GIF89a" + struct.pack("<HH", SHAPE.width, SHAPE.height) + bytes(50)),
    _bytes("two pages (TIFF)", "a.tif", _two_pages()),
    _bytes("a JPEG named .png", "a.png", _JPEG, _FROM_JPEG),
    _bytes("a JPEG that says it is turned (EXIF)", "a.jpg", _turned(), _FROM_JPEG),
    Picture("a link that leads nowhere", "a.png", lambda path: path.symlink_to(path.parent / "gone.png")),
    Picture("a pipe", "a.png", os.mkfifo),
    Picture("a file that the disk does not give", "a.png", lambda path: path.symlink_to("/proc/self/mem")),
)
