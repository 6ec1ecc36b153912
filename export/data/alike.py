"""Pictures that show the same thing though they stand in different groups: the leak that makes numbers look good.

Two steps. A 64-bit perceptual hash (the signs of the 8x8 lowest coefficients of the DCT of the picture at 32x32,
about their median: Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010) finds who might
be alike. It looks at the rough layout only, and surfaces of one product have one layout: on 294 pictures of ball screws
it calls 12,000 pairs of different places alike. So each pair is compared once more by its fine detail: what a blur
takes away, in units of the contrast around it, at 256x256, moved against each other by up to 16 pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import U8

MAX_BITS = 10
"""Bits of 64 in which the hashes of two alike pictures may differ; measured as `MIN_MATCH`."""
MIN_MATCH = 0.75
"""Correlation of the detail from which pictures are alike. Two places of one screw under one lamp (bsdata) reach 0.71.
docs/how-to/make-a-dataset.md has the numbers."""

MAX_COMPARED = 200_000
"""Pairs that are compared, some three minutes; surfaces without any layout can have millions. More are counted."""

DETAIL_PX = 256
_BLUR_PX = 2.0
_SHIFT_PX = 16
_NOISE = 1.0
"""Grey levels of contrast below which detail is the camera's noise."""
_PLAIN = 0.05
"""Deviation of the detail below which a picture is plain: what is left is rounding. The noise of a camera has 0.3."""
_CACHE = 2048
"""Pictures whose detail is kept, a quarter of a megabyte each."""

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures that show the same."""

    first: int
    second: int
    """Rows of the pictures, the second is the larger."""
    match: float
    """Correlation of their detail; 1: the same."""


def hash_of(grey: U8) -> int:
    """Return the 64-bit hash of a grey picture, shape (h, w)."""
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    # The first is the mean of the picture, hundreds of times the others.
    return int(np.packbits(low > np.median(low[1:])).view(">u8")[0])


def detail_of(grey: U8) -> F32:
    """Return the fine detail of a grey picture, float32 (256, 256)."""
    small = cv2.resize(grey, (DETAIL_PX, DETAIL_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    detail = small - cv2.GaussianBlur(small, (0, 0), _BLUR_PX)
    contrast = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 2 * _BLUR_PX))
    out: F32 = (detail / (contrast + _NOISE)).astype(np.float32)
    return out


def match_of(first: F32, second: F32) -> float:
    """Return the largest correlation of two details over all shifts."""
    inner = second[_SHIFT_PX:-_SHIFT_PX, _SHIFT_PX:-_SHIFT_PX]
    if min(float(first.std()), float(inner.std())) < _PLAIN:
        return 0.0  # without any detail nothing can be said, and nothing is
    match = float(cv2.matchTemplate(first, inner, cv2.TM_CCOEFF_NORMED).max())
    return match if np.isfinite(match) else 0.0


@dataclass(frozen=True, slots=True)
class Alike:
    """Who shows the same."""

    pairs: tuple[Pair, ...]
    """The most alike first."""
    n_left_out: int
    """Pairs with like hashes that were not compared, because there were too many."""


def find_alike(
    hashes: Sequence[int], shas: Sequence[str], groups: Sequence[str], read_grey: Callable[[int], U8]
) -> Alike:
    """Return the pairs of different groups that show the same.

    Args:
        hashes: Of `hash_of`, one a picture.
        shas: Hash of each file's bytes: equal ones are alike, whatever they show.
        groups: One a picture.
        read_grey: Gives the grey picture of a row; asked for those that may be alike only.
    """

    @lru_cache(maxsize=_CACHE)
    def detail(row: int) -> F32:
        return detail_of(read_grey(row))

    candidates = _candidates(hashes, groups)
    pairs = []
    for first, second in candidates[:MAX_COMPARED].tolist():
        match = 1.0 if shas[first] == shas[second] else match_of(detail(first), detail(second))
        if match >= MIN_MATCH:
            pairs.append(Pair(first, second, round(match, 4)))
    pairs.sort(key=lambda pair: (-pair.match, pair.first, pair.second))
    return Alike(tuple(pairs), max(0, len(candidates) - MAX_COMPARED))


def _candidates(hashes: Sequence[int], groups: Sequence[str]) -> npt.NDArray[np.int32]:
    """Return pairs of rows, shape (n, 2): of different groups and with like hashes, those most like first."""
    bits = np.array(hashes, np.uint64)
    names = np.unique(np.array(groups), return_inverse=True)[1]
    near, apart = [np.empty((0, 2), np.int32)], [np.empty(0, np.uint8)]
    for row in range(len(bits) - 1):
        distance = np.bitwise_count(bits[row + 1 :] ^ bits[row])
        rows = np.flatnonzero((distance <= MAX_BITS) & (names[row + 1 :] != names[row]))
        near.append(np.column_stack([np.full(len(rows), row), rows + row + 1]).astype(np.int32))
        apart.append(distance[rows])
    return np.concatenate(near)[np.argsort(np.concatenate(apart), kind="stable")]


def join_groups(groups: Sequence[str], pairs: Sequence[Pair]) -> list[str]:
    """Return the groups, those of alike pictures made one, which has the name that comes first."""
    root = {group: group for group in groups}

    def top(group: str) -> str:
        while root[group] != group:
            group = root[group]
        return group

    for pair in pairs:
        low, high = sorted((top(groups[pair.first]), top(groups[pair.second])))
        root[high] = low
    return [top(group) for group in groups]
