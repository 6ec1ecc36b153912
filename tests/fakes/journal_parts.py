"""A journal in a folder, written by hand: what main, the loop and the journal's thread do, one step at a time."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_inspector.client.wire import Flag, Header, topic
from edge_inspector.core.journal import Counts, Entry, Failpoint, Kept
from edge_inspector.signal.journal import Beginning, Known, begin_journal
from edge_inspector.signal.journal_keeper import JournalLimits
from edge_inspector.signal.journal_segment import OpenSegment
from edge_inspector.signal.journal_writer import JournalWriter
from edge_inspector.signal.message import joined

LINE = "l1"
BOOT = "boot-1"
MB = 1 << 20
SMALL = JournalLimits(8 * MB, MB)
"""Segments of some 110 rows of 700 bytes."""
FIRST_PART = 1000


def entry(seq: int, epoch: int = 7, size: int = 700, offset: int = FIRST_PART - 1) -> Entry:
    """Return the row of a PASS, every part so far being one."""
    body = {"epoch": epoch, "seq": seq, "part_id": seq + offset, "verdict": "PASS", "late": False, "fill": "x" * size}
    header = Header(Flag.READY, epoch, seq, 1_700_000_000_000_000 + seq, seq + offset)
    frames = [topic(LINE, "verdict"), header.pack(), json.dumps(body).encode()]
    return Entry(Counts(seq, seq + offset, passes=seq), joined(frames))


class JournalRun:
    """One run of the daemon on a journal. `kill` leaves everything as a kill would, as far as one process can."""

    def __init__(
        self,
        folder: Path,
        *,
        boot: str = BOOT,
        known: Known | None = None,
        limits: JournalLimits = SMALL,
        at: Failpoint | None = None,
    ) -> None:
        self.folder, self.limits, self.at = folder, limits, at
        self.began: Beginning = begin_journal(folder, LINE, boot, known)
        self.epoch = self.began.epoch
        self.seq = self.began.counts.seq
        self.writer = self._new_writer(self.seq)

    def respawn(self) -> None:
        """Another inspect process takes over."""
        for segment in (self.writer._active, *self.writer.keeper._next, *self.writer.keeper._retired):
            if isinstance(segment, OpenSegment):
                segment.close()  # a kill closes too, but copies nothing
        self.writer = self._new_writer(self.writer.durable_seq)

    def append(self, n: int = 1, size: int = 700) -> list[Kept | Entry]:
        """Write the next rows; those that are not taken keep their number free."""
        results = []
        for _ in range(n):
            results.append(self.writer.append(entry(self.seq + 1, self.epoch, size)))
            self.seq += results[-1] is not Kept.NOT
        return results

    def work(self, times: int = 1) -> None:
        """Let the journal's thread do all that is due."""
        for _ in range(times):
            self.writer.keeper.work()

    def close(self) -> None:
        self.writer.close(is_clean=True)

    def _new_writer(self, durable_seq: int) -> JournalWriter:
        return JournalWriter(self.folder, LINE, self.epoch, self.limits, durable_seq, self.at)


class Threaded:
    """Runs the journal's thread beside a test."""

    def __init__(self, step: Callable[[], bool]) -> None:
        self._step, self._stop = step, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._step()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()


class Holder:
    """A foreign program that holds the write lock of the newest segment."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)

    def __enter__(self) -> Self:
        self._connection.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()
