"""Which numbers of one epoch are accounted for. Pure."""

from __future__ import annotations

from bisect import bisect_right


class Seen:
    """A set of seqs as ranges: everything up to `upto`, and what came above it before a gap was filled."""

    def __init__(self, upto: int = 0) -> None:
        """Begin with 1 to `upto` accounted for."""
        self._ranges: list[tuple[int, int]] = [(0, max(0, upto))]  # 0 stands for nothing: seqs begin at 1

    @property
    def upto(self) -> int:
        """Everything from 1 to here is accounted for."""
        return self._ranges[0][1]

    @property
    def top(self) -> int:
        """The highest number accounted for."""
        return self._ranges[-1][1]

    def __contains__(self, seq: int) -> bool:
        """Return whether a number is accounted for."""
        at = bisect_right(self._ranges, seq, key=lambda each: each[0])
        return at > 0 and self._ranges[at - 1][1] >= seq

    def add(self, seq: int) -> bool:
        """Account for one number; False if it was already."""
        if seq == self.top + 1:  # the usual case, without a search
            self._ranges[-1] = (self._ranges[-1][0], seq)
            return True
        if seq in self:
            return False
        self.add_range(seq, seq)
        return True

    def add_range(self, first: int, last: int) -> None:
        """Account for `first` to `last`, both included; nothing if `last` is below `first`."""
        if last < first:
            return
        kept: list[tuple[int, int]] = []
        for a, b in self._ranges:
            if b < first - 1 or a > last + 1:
                kept.append((a, b))
            else:
                first, last = min(first, a), max(last, b)
        self._ranges = sorted([*kept, (first, last)])

    def missing(self, head: int) -> tuple[int, int] | None:
        """Return the first range up to `head` that is not accounted for; None if there is none."""
        if self.upto >= head:
            return None
        above = self._ranges[1][0] - 1 if len(self._ranges) > 1 else head
        return self.upto + 1, min(above, head)

    def holes(self, first: int, last: int) -> list[tuple[int, int]]:
        """Return every range inside `first` to `last` that is not accounted for."""
        found, at = [], first
        for a, b in self._ranges:
            if a > at and at <= last:
                found.append((at, min(a - 1, last)))
            at = max(at, b + 1)
        if at <= last:
            found.append((at, last))
        return found
