"""The next batch is made while the last is learned from: the one thread that the workstation's half makes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def made_ahead(made: Iterator[T]) -> Iterator[T]:
    """Yield what an iterator makes, in its order; the next is made in a thread of its own meanwhile.

    The iterator runs in that thread alone. What it raises is raised here, in its turn.
    """
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(lambda: next(made, None))
        while (ready := coming.result()) is not None:
            coming = worker.submit(lambda: next(made, None))
            yield ready


def share_threads(threads: int) -> tuple[int, int]:
    """Return how many threads learn and how many make the next batch; with one, they take turns in it."""
    return max(1, threads - threads // 2), max(1, threads // 2)
