"""A table on disk with one row for each sample: filled once, by whole chunks, and read by any row.

It is read through the page cache, so it is as fast as memory while there is memory, and works where there is less.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from export.learn.files import cannot_write

CHUNK = 64
"""Rows computed at a time, and the most that a kill can lose. The last chunk may be shorter."""


def fill_table(
    file: Path,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    compute: Callable[[range], npt.NDArray[np.generic]],
    told: Callable[[int], None],
) -> npt.NDArray[np.generic]:
    """Return the table, read-only, of `shape` with rows first; rows that a stopped run left are kept.

    Args:
        file: Where. Its name must change with whatever the rows depend on.
        shape: Rows first.
        dtype: Of the values.
        compute: Gives the rows of a range of numbers; the same whenever it is asked.
        told: Called with the number of rows after each chunk.

    Raises:
        UsageError: The disk is full; what was computed stays.
    """
    row_bytes = int(np.prod(shape[1:])) * np.dtype(dtype).itemsize
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Appended by write(), not through a map: a full disk is an error in words there, and a crash here.
        with file.open("ab") as out:
            done = min(out.tell() // row_bytes, shape[0])
            if done < shape[0]:
                done -= done % CHUNK
            out.truncate(done * row_bytes)
            told(done)
            for start in range(done, shape[0], CHUNK):
                rows = range(start, min(start + CHUNK, shape[0]))
                out.write(np.ascontiguousarray(compute(rows), dtype).tobytes())
                out.flush()
                told(len(rows))
            os.fsync(out.fileno())
    except OSError as error:
        raise cannot_write(file, error) from error
    return np.memmap(file, dtype, "r", shape=shape)
