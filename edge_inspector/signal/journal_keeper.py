"""The journal's second thread: syncs, makes the next segment, copies the one before, deletes the oldest.

Everything here may wait for the disk; nothing here may make the loop wait for it. The loop's thread and this one share
three things: `JournalWriter.active` and its newest seq (written by the loop), a deque of segments that the loop has
ended with, and a deque of at most one that it may go on with. Both deques are atomic in CPython.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.journal import Failpoint
from edge_inspector.signal.journal_files import (
    Label,
    SegmentDamaged,
    SegmentFile,
    in_words,
    is_damage,
    make_segment,
    next_ordinal,
    remove_segment,
    segment_files,
)
from edge_inspector.signal.journal_segment import Leftover, OpenSegment

SYNC_EVERY_S = 0.05
"""Half a heartbeat: only heartbeats tell `durable_seq`."""
LOOK_EVERY_NS = 1_000_000_000
RETRY_NS = 1_000_000_000
"""After an error of the disk the same work is tried again after so long."""
MAX_SEGMENTS = 2000
"""A line that is started again and again makes small ones; a folder must not fill with them."""


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """How much disk the journal takes."""

    max_bytes: int
    segment_bytes: int


class JournalKeeper:
    """Owned by the thread that calls `step`; the loop's thread calls `take_next` and `retire`, reads attributes."""

    def __init__(
        self,
        folder: Path,
        limits: JournalLimits,
        writing: Callable[[], tuple[OpenSegment | None, int]],
        durable_seq: int,
        at: Failpoint | None = None,
    ) -> None:
        """Prepare.

        Args:
            folder: Of the journal.
            limits: How much disk.
            writing: Gives the segment that is being written and the newest seq that is committed, that one first.
            durable_seq: Rows up to here survive a power cut already.
            at: For tests.
        """
        self._folder, self._limits, self._writing, self._at = folder, limits, writing, at
        self._next: deque[OpenSegment] = deque()
        self._retired: deque[OpenSegment | Leftover] = deque()
        self._unsynced: list[OpenSegment | Leftover] = []
        self._unfinished: list[OpenSegment | Leftover] = []
        self._looked_ns = self._retry_ns = 0
        self._must_trim = True
        self.durable_seq = durable_seq
        """Rows up to here survive a power cut."""
        self.trouble = ""
        """What the disk refused last, in words; empty while it obeys."""
        self.is_gone = False
        """The file that is written to is no longer the one in the folder."""
        self.wants_change = False
        """The loop should go on with the next segment as soon as there is one."""

    def take_next(self) -> OpenSegment | None:
        """Return a segment to go on with; None while there is none."""
        return self._next.popleft() if self._next else None

    def retire(self, segment: OpenSegment) -> None:
        """Take over a segment that is written no more."""
        self.wants_change = False
        self._retired.append(segment)

    def adopt(self, files: list[SegmentFile]) -> None:
        """Take over what killed processes left unfinished; before a segment is written to."""
        self._retired.extend(Leftover(file) for file in files if file.beside("-wal").exists())

    def offer_next(self, segment: OpenSegment) -> None:
        """Take over an empty segment that a killed process had made; before a segment is written to."""
        self._next.append(segment)

    def step(self) -> bool:
        """Wait a little, then do what is due; False when there was nothing."""
        time.sleep(SYNC_EVERY_S)
        return self.work()

    def work(self) -> bool:
        """Do what is due; False when there was nothing."""
        did = self._try(self.sync)
        if monotonic_ns() >= self._retry_ns:
            did |= self._try(self._make_next) | self._try(self._finish_one) | self._try(self._trim)
        if monotonic_ns() >= self._looked_ns + LOOK_EVERY_NS:
            self._looked_ns = monotonic_ns()
            self._look()
        return did

    def sync(self) -> bool:
        """Make all that is committed survive a power cut, and say so; raises OSError."""
        active, head_seq = self._writing()
        self._take_retired()  # after the number was read: what holds rows up to it is among these
        if active is None or (head_seq == self.durable_seq and not self._unsynced):
            return False
        for segment in (*self._unsynced, active):
            self._sync_one(segment)
        self._reach("journal.before_durable")
        if not any(each.is_doubtful for each in (*self._unfinished, active)):
            self.durable_seq = head_seq
        return True

    def close(self) -> None:
        """Let go of what was prepared and not used, and finish what is retired; the thread has ended.

        Raises:
            sqlite3.Error: A segment cannot be finished; its successor does it.
        """
        self._take_retired()
        while self._next:
            segment = self._next.popleft()
            segment.close()
            remove_segment(segment.file)
        while self._finish_one():
            pass

    def _take_retired(self) -> None:
        while self._retired:
            segment = self._retired.popleft()
            self._unsynced.append(segment)
            self._unfinished.append(segment)

    def _sync_one(self, segment: OpenSegment | Leftover) -> None:
        self._reach("journal.before_sync")
        try:
            segment.sync()
        except OSError:
            # The kernel may have given up what it could not write, and a later sync would say nothing of it. The
            # copy that is made when the segment is finished does: until then `durable_seq` stands.
            segment.is_doubtful = self.wants_change = True
            raise
        finally:
            if segment in self._unsynced:
                self._unsynced.remove(segment)

    def _make_next(self) -> bool:
        active, _ = self._writing()
        if self._next or active is None:
            return False
        self._reach("journal.before_make")
        label = active.facts.label
        label = Label(label.line, label.epoch, label.run, label.boot_id)
        try:
            file = make_segment(self._folder, next_ordinal(self._folder), label)
            self._reach("journal.after_make")
            self._next.append(OpenSegment(file, self._limits.segment_bytes))
            self._must_trim = True
        except (OSError, sqlite3.Error, SegmentDamaged) as error:
            if not _is_full(error) or not self._drop_oldest():
                raise
        return True

    def _finish_one(self) -> bool:
        if not self._unfinished or self._unfinished[0] in self._unsynced:
            return False
        first = self._unfinished.pop(0)
        self._reach("journal.before_finish")
        try:
            first.finish()
        except sqlite3.Error as error:
            if not is_damage(error):  # a reader holds it, or there is no room: the others first
                self._unfinished.append(first)
            raise
        self._must_trim = True
        self._reach("journal.after_finish")
        return True

    def _trim(self) -> bool:
        if not self._must_trim:
            return False
        files = segment_files(self._folder)
        total = sum(file.n_bytes() for file in files)
        is_within = total <= self._limits.max_bytes and len(files) <= MAX_SEGMENTS
        self._must_trim = not is_within and self._drop_oldest()
        return self._must_trim

    def _drop_oldest(self) -> bool:
        """Delete the oldest segment that nobody needs; False when there is none."""
        active, _ = self._writing()
        busy = {segment.file for segment in (*self._next, *self._retired, *self._unsynced)}
        busy |= {each.file for each in self._unfinished}
        for file in segment_files(self._folder):
            # Until the loop has its segment nobody knows which ones it needs.
            if file not in busy and active is not None and file.ordinal < active.file.ordinal:
                self._reach("journal.before_drop")
                remove_segment(file)
                return True
        return False

    def _look(self) -> None:
        active, _ = self._writing()
        if active is None:
            return
        self.is_gone = not active.is_there() and self._writing()[0] is active
        if not self.is_gone and os.statvfs(self._folder).f_flag & os.ST_RDONLY:
            self.trouble = f"{self._folder} has become read-only"
        elif self.trouble.endswith("has become read-only"):
            self.trouble = ""

    def _try(self, work: Callable[[], bool]) -> bool:
        try:
            did = work()
        except (OSError, sqlite3.Error, SegmentDamaged) as error:
            self.trouble = f"{work.__name__.strip('_').replace('_', ' ')}: {in_words(error, self._folder)}"
            self._retry_ns = monotonic_ns() + RETRY_NS
            return False
        if did:
            self.trouble = ""
        return did

    def _reach(self, name: str) -> None:
        if self._at is not None:
            self._at(name)


def _is_full(error: Exception) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
