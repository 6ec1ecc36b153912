"""Run lengths: a mask as text, as Severstal's train.csv has it.

`start length start length …`: starts count from 1 and run down the columns, from left to right, as the description of
Kaggle's "Severstal: Steel Defect Detection" says.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def decode_runs(text: str, hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the mask, shape (h, w).

    Raises:
        ValueError: Not pairs of whole numbers, a run of nothing, one that leaves the picture, or two that overlap.
    """
    words = text.split()
    if not all(word.isascii() and word.isdigit() for word in words):
        raise ValueError(f"{next(w for w in words if not (w.isascii() and w.isdigit()))!r} is not a whole number")
    if len(words) % 2:
        raise ValueError(f"{len(words)} numbers, but start and length come in pairs")
    size = hw[0] * hw[1]
    flat = np.zeros(size, np.bool_)
    for start, length in zip(map(int, words[::2]), map(int, words[1::2]), strict=True):
        if start < 1 or length < 1:
            raise ValueError(f"run {start} {length}: starts count from 1, and a run has a pixel at least")
        if start + length - 1 > size:
            raise ValueError(f"run {start} {length} leaves the picture of {hw[1]}x{hw[0]} = {size} pixels")
        if flat[start - 1 : start + length - 1].any():
            raise ValueError(f"run {start} {length} overlaps one before it")
        flat[start - 1 : start + length - 1] = True
    return np.ascontiguousarray(flat.reshape((hw[1], hw[0])).T)


def encode_runs(mask: npt.NDArray[np.bool_]) -> str:
    """Return a mask, shape (h, w), as text: the inverse of `decode_runs`."""
    flat = np.concatenate([[False], mask.T.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return " ".join(f"{start + 1} {end - start}" for start, end in zip(edges[::2], edges[1::2], strict=True))
