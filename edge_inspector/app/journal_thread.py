"""The journal's two threads in the inspect process, as the loop sees them: one object."""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Self

from edge_inspector.core.errors import JournalError
from edge_inspector.core.journal import Entry, Kept
from edge_inspector.core.logs import get_log
from edge_inspector.run.worker import Worker
from edge_inspector.signal.journal_writer import JournalWriter

log = get_log(__name__)

STOP_S = 2.0
"""A sync that the disk does not finish within this time is left to the kernel; the journal is then not closed clean."""


class ThreadedJournal:
    """A writer and the thread that makes its rows durable. The loop's thread enters, uses and leaves it."""

    def __init__(self, writer: JournalWriter) -> None:
        """Prepare; entering starts the thread."""
        self._writer, self._is_closed = writer, False
        self._worker = Worker("journal", writer.keeper.step)

    @property
    def durable_seq(self) -> int:
        """Rows up to here survive a power cut."""
        return self._writer.durable_seq

    @property
    def trouble(self) -> str:
        """Why the last row was not taken; empty while rows are."""
        return self._writer.trouble

    @property
    def warning(self) -> str:
        """What the disk refuses beside rows; empty while it obeys."""
        return self._writer.keeper.trouble

    def append(self, entry: Entry) -> Kept | Entry:
        """Commit a row; raises JournalError."""
        return self._writer.append(entry)

    def probe(self) -> bool:
        """Return whether a commit would be quick enough now; raises JournalError."""
        return self._writer.probe()

    def check(self) -> None:
        """Raise JournalError when the files are gone, or nobody makes rows durable any more."""
        self._writer.check()
        if self._worker.error is not None:
            raise JournalError(f"the journal thread ended: {self._worker.error}; its process is started again")

    def close(self) -> None:
        """End in good order; what the disk refuses is logged, and the next start finds a journal that is not clean."""
        self._is_closed = True
        if not self._worker.stop(STOP_S):
            log.error("journal_not_closed", detail=f"the disk has not finished a sync within {STOP_S:g} s")
            return
        try:
            self._writer.close(is_clean=True)
        except (OSError, sqlite3.Error) as error:
            log.error("journal_not_closed", detail=str(error))

    def __enter__(self) -> Self:
        """Open, as far as the disk lets it, and start the thread; raises JournalError."""
        self._writer.open()
        self._worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the thread; what was not closed in good order is left as a kill leaves it."""
        if not self._is_closed:
            self._worker.stop(STOP_S)
