"""Grey values of 10 and 12 bits that lie closer than in bytes: which bits of a group of bytes make which pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import U8

U16 = npt.NDArray[np.uint16]
N = TypeVar("N", np.uint8, np.uint16)
"""What the bits are put together in; wide enough for the values, or for their high eight bits."""

Term = tuple[int, int, int]
"""Byte of the group, which of its bits (a mask), by how many places to the left; to the right where negative."""


@dataclass(frozen=True, slots=True)
class Packing:
    """How the pixels of one group share its bytes. A row is a whole number of groups."""

    n_bytes: int
    pixels: tuple[tuple[Term, Term], ...]
    """Each pixel's value is the sum of two terms."""


# PFNC's "p" formats are one stream of bits, lowest bit first.
MONO10P = Packing(
    5,
    (
        ((0, 0xFF, 0), (1, 0x03, 8)),
        ((1, 0xFC, -2), (2, 0x0F, 6)),
        ((2, 0xF0, -4), (3, 0x3F, 4)),
        ((3, 0xC0, -6), (4, 0xFF, 2)),
    ),
)
MONO12P = Packing(3, (((0, 0xFF, 0), (1, 0x0F, 8)), ((1, 0xF0, -4), (2, 0xFF, 4))))
# GigE Vision's "Packed" formats keep the high eight bits of two pixels in the outer bytes, the rest in the middle one.
MONO10_PACKED = Packing(3, (((0, 0xFF, 2), (1, 0x03, 0)), ((2, 0xFF, 2), (1, 0x30, -4))))
MONO12_PACKED = Packing(3, (((0, 0xFF, 4), (1, 0x0F, 0)), ((2, 0xFF, 4), (1, 0xF0, -4))))


def unpack(rows: U8, packing: Packing) -> U16:
    """Return every value in full: shape (h, w).

    Args:
        rows: Shape (h, bytes of a row), contiguous along a row.
        packing: How the bytes are to be read.
    """
    planes = [plane.astype(np.uint16) for plane in _planes(rows, packing)]
    values: list[U16] = []
    for one, other in packing.pixels:
        values.append(_moved(planes, one, 0) | _moved(planes, other, 0))
    height = len(rows)
    out = np.empty((height, rows.shape[1] // packing.n_bytes, len(values)), np.uint16)
    cv2.merge(values, dst=out)
    return out.reshape(height, -1)


def unpack_high(rows: U8, packing: Packing, depth: int, out: U8) -> None:
    """Write the high eight bits of every value, without making the full values first.

    Args:
        rows: As for `unpack`.
        packing: How the bytes are to be read.
        depth: Bits of a value.
        out: Shape (h, w, 1), C-contiguous; overwritten.
    """
    planes, drop = _planes(rows, packing), depth - 8
    values: list[U8] = []
    for terms in packing.pixels:
        # A term that only brings the low bits is not computed at all.
        parts = [_moved(planes, term, drop) for term in terms if term[1].bit_length() + term[2] > drop]
        values.append(parts[0] if len(parts) == 1 else parts[0] | parts[1])
    cv2.merge(values, dst=out.reshape(len(rows), -1, len(values)))


def _planes(rows: U8, packing: Packing) -> list[U8]:
    groups = rows.reshape(len(rows), -1, packing.n_bytes)  # splits an axis: a view, whatever the padding
    planes: Sequence[Any] = cv2.split(groups)
    return list(planes)


def _moved(planes: Sequence[npt.NDArray[N]], term: Term, drop: int) -> npt.NDArray[N]:
    byte, mask, shift = term
    plane = planes[byte]
    kind = plane.dtype.type  # a plain number would make a wider type of it
    bits: npt.NDArray[N] = plane if mask == 0xFF else np.bitwise_and(plane, kind(mask))
    left = shift - drop
    if left == 0:
        return bits
    moved: npt.NDArray[N] = np.left_shift(bits, kind(left)) if left > 0 else np.right_shift(bits, kind(-left))
    return moved
