"""The journal's end in main: what can be replayed, and the rows themselves, in short reads.

Every call opens what it needs and closes it again: a connection that stayed would keep a segment from being finished.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import JournalError
from edge_inspector.core.logs import get_log
from edge_inspector.signal.journal_files import SegmentDamaged, SegmentFile, read_segment, reading, segment_files

log = get_log(__name__)

MAX_ROWS = 500
MAX_BYTES = 1_000_000
"""Of one answer; a client that asks on gets the rest. A verdict with 32 defects has 4 kB."""
LIST_EVERY_NS = 100_000_000
"""The folder is looked at again after so long, or when something is missing."""

Pair = tuple[bytes, bytes]
"""Header and body of a verdict as they were sent."""


@dataclass(frozen=True, slots=True)
class EpochRange:
    """What is kept of an epoch."""

    epoch: int
    tail_seq: int
    """Oldest number that can be replayed."""
    head_seq: int
    """Newest; one less than `tail_seq` when there is none."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that are not kept any more."""

    first: int
    last: int


class UnknownEpoch(Exception):  # noqa: N818 - an answer, not an error
    """Raised for an epoch of which no row is kept."""


class JournalReader:
    """Used by one thread."""

    def __init__(self, folder: Path) -> None:
        """Prepare; nothing is opened yet."""
        self._folder = folder
        self._spans: dict[SegmentFile, tuple[int, int]] = {}
        self._files: list[SegmentFile] = []
        self._listed_ns = 0
        self.damaged = 0
        """Segments met that cannot be read."""

    def epochs(self) -> list[EpochRange]:
        """Return every epoch of which something is kept, the newest last."""
        self._list()
        found: dict[int, EpochRange] = {}
        for file in self._files:
            first, last = self._span(file)
            former = found.get(file.epoch)
            if first and (former is None or former.head_seq < former.tail_seq):
                found[file.epoch] = EpochRange(file.epoch, first, last)
            elif first and former is not None:
                found[file.epoch] = EpochRange(file.epoch, former.tail_seq, last)
            else:
                found.setdefault(file.epoch, EpochRange(file.epoch, 1, 0))
        return list(found.values())

    def read(self, epoch: int, first: int, last: int) -> list[Pair] | Gap:
        """Return verdicts from `first` on: at most MAX_ROWS and MAX_BYTES, none beyond `last`, without a gap.

        Returns:
            The rows; empty when `first` is above the newest. The numbers from `first` on that are gone.

        Raises:
            UnknownEpoch: Nothing is kept of it.
            sqlite3.Error: It cannot be read just now.
        """
        files = self._of(epoch, last)
        if not any(self._span(file)[0] for file in files):
            raise UnknownEpoch
        rows: list[Pair] = []
        seq, n_bytes = first, 0
        for file in files:
            begin, end = self._span(file)
            if not begin or end < seq:
                continue
            if begin > seq:  # what lay between was deleted, or set aside
                return rows or Gap(first, min(last, begin - 1))
            if begin > last or len(rows) >= MAX_ROWS or n_bytes >= MAX_BYTES:
                break
            for found, header, body in self._rows(file, seq, last, MAX_ROWS - len(rows)):
                if found != seq:  # a hole within a segment
                    return rows or Gap(first, found - 1)
                if n_bytes >= MAX_BYTES:
                    return rows
                rows.append((header, body))
                n_bytes += len(header) + len(body)
                seq += 1
        return rows

    def _of(self, epoch: int, seq: int) -> list[SegmentFile]:
        """Return the segments of an epoch; the folder is listed again when they may not hold all that there is."""
        self._list()
        files = [file for file in self._files if file.epoch == epoch]
        if not files or self._span(files[-1])[1] < seq:
            self._list(now=True)
            files = [file for file in self._files if file.epoch == epoch]
        return files

    def _list(self, now: bool = False) -> None:
        if not now and self._files and monotonic_ns() < self._listed_ns + LIST_EVERY_NS:
            return
        self._listed_ns = monotonic_ns()
        self._files = segment_files(self._folder)
        kept = set(self._files)
        self._spans = {file: span for file, span in self._spans.items() if file in kept}

    def _span(self, file: SegmentFile) -> tuple[int, int]:
        """Return the first and last seq of a segment, (0, 0) for none; remembered for those that grow no more."""
        if (known := self._spans.get(file)) is not None:
            return known
        try:
            facts = read_segment(file)
        except (SegmentDamaged, JournalError) as error:
            self._give_up(file, error)
            return 0, 0
        except sqlite3.OperationalError:
            if file.path.exists():
                raise
            return 0, 0  # deleted meanwhile
        span = facts.first_seq, facts.counts.seq
        if self._grows_no_more(file):
            self._spans[file] = span
        return span

    def _grows_no_more(self, file: SegmentFile) -> bool:
        # Two at most may be written: the newest, and the one before it while the newest was made ahead.
        return file not in self._files[-3:]

    def _rows(self, file: SegmentFile, first: int, last: int, most: int) -> list[tuple[int, bytes, bytes]]:
        sql = "SELECT seq, header, body FROM verdicts WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
        try:
            with reading(file) as connection:
                return connection.execute(sql, (first, last, most)).fetchall()
        except SegmentDamaged as damage:
            self._give_up(file, damage)
        except sqlite3.OperationalError:
            if file.path.exists():
                raise
        self._list(now=True)
        return []

    def _give_up(self, file: SegmentFile, error: Exception) -> None:
        """From here on a damaged segment holds nothing: a request for it is answered with the gap."""
        self.damaged += 1
        self._spans[file] = (0, 0)
        log.error("journal_segment_damaged", detail=str(error))
