"""Parts that the gate's own sensor has seen, in their order. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass

MAX_PARTS = 4096
"""Beyond that the oldest is decided at once, which rejects it."""

KEPT = 1024
"""Places of decided parts that are remembered, so that a verdict that comes too late is told as late."""


@dataclass(slots=True)
class Part:
    """One edge of the own sensor."""

    number: int
    """From 1."""
    seen_us: int
    enc: float | None
    """Own count at the edge; None without an encoder."""
    place: float
    """`seen_us` or `enc`, whichever verdicts are matched by."""


class Parts:
    """Parts by place: those that wait for their decision, and for a while those that had it."""

    def __init__(self) -> None:
        """Begin empty."""
        self._places: list[float] = []
        self._waiting: deque[Part] = deque()
        self._n = 0

    def add(self, seen_us: int, enc: float | None, place: float) -> Part:
        """Take an edge."""
        self._n += 1
        part = Part(self._n, seen_us, enc, place)
        at = bisect_right(self._places, place)
        self._places.insert(at, place)
        del self._places[: -MAX_PARTS - KEPT]
        self._waiting.append(part)
        return part

    @property
    def first(self) -> Part | None:
        """The oldest part that waits; None when none does."""
        return self._waiting[0] if self._waiting else None

    def __len__(self) -> int:
        """Return how many wait for their decision."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether the oldest must be decided now."""
        return len(self._waiting) > MAX_PARTS

    def pop(self) -> Part:
        """Remove the oldest part that waits; its place is remembered for its neighbours."""
        return self._waiting.popleft()

    def n_near(self, place: float, window: float) -> int:
        """Return how many parts an entry at a place may be about."""
        return bisect_right(self._places, place + window) - bisect_left(self._places, place - window)

    def forget_places(self) -> None:
        """Forget every place: they cannot be compared with what comes."""
        self._places.clear()
