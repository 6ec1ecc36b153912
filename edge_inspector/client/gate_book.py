"""Verdicts that wait for their part, in the order in which the parts are expected. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

MAX_ENTRIES = 4096
"""Eight seconds at 500 parts/s. Beyond that the oldest is dropped, and its part is rejected."""


@dataclass(slots=True)
class Entry:
    """A verdict that was taken while armed."""

    epoch: int
    seq: int
    part_id: int
    place: float
    """When (µs), or at which own count, its part is expected at the own sensor."""
    verdict: str
    """PASS, REJECT or UNKNOWN."""
    reason: str
    deadline_us: int | None
    """Act before; None where the line sets none in time."""
    fire: float | None
    """Own counts from the sensor to the line's `fire_enc`; None where it gives none."""
    refused: str = ""
    """Why it may not release; empty if it may."""
    is_late: bool = False
    """Refused because it was too late."""
    is_used: bool = False


class Book:
    """Entries by place."""

    def __init__(self) -> None:
        """Begin empty."""
        self._entries: list[Entry] = []

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._entries)

    def add(self, entry: Entry) -> Entry | None:
        """Take an entry; returns the one that had to go for it, None if there was room."""
        at = bisect_right(self._entries, entry.place, key=_place)
        self._entries.insert(at, entry)
        return self._entries.pop(0) if len(self._entries) > MAX_ENTRIES else None

    def near(self, place: float, window: float) -> list[Entry]:
        """Return the entries whose part may be the one at a place."""
        first = bisect_left(self._entries, place - window, key=_place)
        last = bisect_right(self._entries, place + window, key=_place)
        return self._entries[first:last]

    def refuse_all(self, why: str) -> None:
        """Let none of them release anything any more."""
        for entry in self._entries:
            entry.refused = entry.refused or why

    def take_before(self, place: float) -> list[Entry]:
        """Remove and return what is expected before a place."""
        n = bisect_left(self._entries, place, key=_place)
        taken, self._entries = self._entries[:n], self._entries[n:]
        return taken

    def first_seq(self) -> int | None:
        """Return the lowest seq that waits; None when nothing waits."""
        return min((entry.seq for entry in self._entries if not entry.is_used), default=None)


def _place(entry: Entry) -> float:
    return entry.place
