"""The journal's end in the inspect process: one row a verdict, committed before it is sent."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from edge_inspector.client.wire import topic
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import JournalError
from edge_inspector.core.journal import COMMIT_LIMIT_NS, Counts, Entry, Failpoint, Kept
from edge_inspector.signal.journal_files import (
    SegmentDamaged,
    in_words,
    newest_row,
    read_segment,
    remove_segment,
    segment_files,
)
from edge_inspector.signal.journal_keeper import JournalKeeper, JournalLimits
from edge_inspector.signal.journal_segment import OpenSegment
from edge_inspector.signal.message import joined

FINISH_NS = 1_000_000_000
"""How long a clean end waits for readers, who take milliseconds."""
_RECENT = 4
"""Segments that are looked at when the journal is opened: the one before, the one written, those made ahead."""


class JournalWriter:
    """Used by the loop's thread alone; `keeper.step` runs in the journal's own."""

    def __init__(
        self,
        folder: Path,
        line: str,
        epoch: int,
        limits: JournalLimits,
        durable_seq: int = 0,
        at: Failpoint | None = None,
    ) -> None:
        """Prepare; the newest segment is opened with the first use, and again until that succeeds.

        Args:
            folder: Main has made a segment of the epoch there.
            line: Name of the line.
            epoch: Whose rows are written.
            limits: How much disk.
            durable_seq: Rows of the epoch up to here survive a power cut, as main or a predecessor knows.
            at: For tests.
        """
        self._folder, self._line, self._epoch, self._limits, self._at = folder, line, epoch, limits, at
        self._active: OpenSegment | None = None
        self._head = Counts()
        self._newest: Entry | None = None
        self.trouble = ""
        """Why the last row was not taken, or not in time; empty while rows are."""
        self.keeper = JournalKeeper(folder, limits, self._writing, durable_seq, at)

    @property
    def durable_seq(self) -> int:
        """Rows up to here survive a power cut."""
        return self.keeper.durable_seq

    def append(self, entry: Entry) -> Kept | Entry:
        """Commit the row of the next verdict.

        Returns:
            What became of it; the row that a killed predecessor committed for this number instead, if there is one.

        Raises:
            JournalError: The journal is damaged or gone: a fresh process may go on in a new epoch.
        """
        if not self.open():
            return Kept.NOT
        began_ns = monotonic_ns()
        if entry.counts.seq == self._head.seq and self._newest is not None:
            found, self._newest = self._newest, None
            return found
        if entry.counts.seq != self._head.seq + 1:
            raise JournalError(f"the journal is at seq {self._head.seq}, the line at {entry.counts.seq}: a new epoch")
        return self._insert(entry, began_ns)

    def probe(self) -> bool:
        """Return whether a commit would be quick enough now; raises JournalError like `append`."""
        if not self.open():
            return False
        began_ns = monotonic_ns()
        assert self._active is not None
        try:
            self._reach("journal.before_commit")
            self._active.touch()
        except SegmentDamaged as error:
            raise _damaged(error) from error
        except sqlite3.Error as error:
            self.trouble = in_words(error, self._folder)
            return False
        self.trouble = ""
        self._change_if_full()
        return monotonic_ns() - began_ns <= COMMIT_LIMIT_NS

    def check(self) -> None:
        """Raise JournalError when the files are no longer there."""
        if self.keeper.is_gone:
            raise JournalError(f"the journal's file was taken away from {self._folder}: a new epoch")

    def close(self, is_clean: bool) -> None:
        """End: sync everything, copy it and say so; the keeper's thread has ended.

        Args:
            is_clean: The line ends in good order: the next start goes on in this epoch, also after a restart of the
                computer. Otherwise a successor will take over the files as they are.

        Raises:
            sqlite3.Error: The disk refuses; what is committed stays, the next start will find it not clean.
            OSError: The same.
        """
        if self._active is None or not is_clean:
            return
        self.keeper.sync()
        self.keeper.close()
        active, self._active = self._active, None
        self._reach("journal.before_clean")
        _finish(active)
        self._reach("journal.after_clean")

    def _insert(self, entry: Entry, began_ns: int) -> Kept:
        assert self._active is not None
        try:
            self._reach("journal.before_commit")
            self._active.insert(entry)
        except SegmentDamaged as error:
            raise _damaged(error) from error
        except sqlite3.Error as error:
            self.trouble = in_words(error, self._folder)
            if not _is_busy(error):  # the disk: another segment has room of its own
                self._change()
            return Kept.NOT
        took_ns = monotonic_ns() - began_ns
        self._reach("journal.after_commit")
        self._newest, self._head = None, entry.counts
        self._change_if_full()
        self.trouble = "" if took_ns <= COMMIT_LIMIT_NS else f"a commit took {took_ns / 1e6:.1f} ms"
        return Kept.SLOW if self.trouble else Kept.QUICK

    def _change_if_full(self) -> None:
        assert self._active is not None
        if self._active.is_full or self.keeper.wants_change:
            self._change()

    def _change(self) -> None:
        following = self.keeper.take_next()
        if following is None:
            return  # the one at hand grows over its size meanwhile
        assert self._active is not None
        self._reach("journal.before_change")
        self.keeper.retire(self._active)  # first: whoever sees the new one finds the former one among the retired
        self._active = following
        self._reach("journal.after_change")

    def open(self) -> bool:
        """Take over the newest segment, if that has not succeeded yet; before the first verdict, since it takes time.

        Returns:
            Whether there is one to write to; `trouble` says why not.

        Raises:
            JournalError: It is damaged or gone.
        """
        if self._active is None:
            try:
                self._open()
            except SegmentDamaged as error:
                raise _damaged(error) from error
            except (OSError, sqlite3.Error) as error:
                self.trouble = in_words(error, self._folder)
        return self._active is not None

    def _open(self) -> None:
        """Take over what main made, or what a killed predecessor left."""
        files = [file for file in segment_files(self._folder) if file.epoch == self._epoch]
        if not files:
            raise JournalError(f"{self._folder} holds no segment of epoch {self._epoch:08x}: a new epoch")
        facts = {file: read_segment(file) for file in files[-_RECENT:]}
        run = facts[files[-1]].label.run
        recent = [file for file in facts if facts[file].label.run == run]
        # The newest with rows, else the first of this run: what comes after it was made ahead.
        at = max((n for n, file in enumerate(recent) if facts[file].first_seq), default=0)
        active, ahead = recent[at], recent[at + 1 :]
        segment = OpenSegment(active, self._limits.segment_bytes)
        before = files[: files.index(active)]
        newest = newest_row(active) or (newest_row(before[-1]) if before else None)
        if newest is not None:
            counts, header, body = newest
            self._head = counts
            self._newest = Entry(counts, joined([topic(self._line, "verdict"), header, body]))
        self.keeper.adopt(before)
        for file in ahead[1:]:
            remove_segment(file)
        if ahead:
            self.keeper.offer_next(OpenSegment(ahead[0], self._limits.segment_bytes))
        self._active = segment

    def _writing(self) -> tuple[OpenSegment | None, int]:
        # In this order: all rows up to the number are in this segment or in those that were retired before it.
        head_seq = self._head.seq
        return self._active, head_seq

    def _reach(self, name: str) -> None:
        if self._at is not None:
            self._at(name)


def _finish(segment: OpenSegment) -> None:
    """Close a segment as clean; a reader may be at it just now."""
    until_ns = monotonic_ns() + FINISH_NS
    while True:
        try:
            return segment.finish(is_clean=True)
        except sqlite3.OperationalError:
            if monotonic_ns() > until_ns:
                raise
            time.sleep(0.005)


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _damaged(error: SegmentDamaged) -> JournalError:
    return JournalError(f"the journal is damaged: {error}; it is set aside and a new epoch begins")
