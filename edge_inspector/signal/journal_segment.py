"""The segment that is being written: rows from the loop's thread, syncs from the journal's thread."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator

from edge_inspector.core.journal import Entry
from edge_inspector.signal.journal_files import (
    PAGE_BYTES,
    SegmentDamaged,
    SegmentFile,
    is_damage,
    read_segment,
    sync_folder,
)
from edge_inspector.signal.message import split

WRITER_WAIT_S = 0.012
"""How long a commit waits for a lock before it fails: it must be over within COMMIT_LIMIT_NS. Only a foreign program
and the recovery after a kill hold one."""
_SLACK = 1.1
"""Of the log's size, for what the estimate of a row leaves out."""
_SHM_BYTES_A_PAGE = 8
"""Of `-shm` for each page of the log (sqlite.org/walformat.html), and one block of 32 KiB more."""
_SHM_BLOCK = 32768
_INSERT = "INSERT INTO verdicts VALUES (?,?,?,?,?,?,?,?)"


class OpenSegment:
    """One segment with its one writing connection. `insert` and `touch` from one thread at a time, `sync` from any."""

    def __init__(self, file: SegmentFile, segment_bytes: int) -> None:
        """Open it, and reserve its log, so that no disk that fills up later takes it away.

        Args:
            file: Made before; it may hold rows of a killed process.
            segment_bytes: Of the log, from which on the next segment should be used.

        Raises:
            sqlite3.Error: It cannot be opened.
            OSError: There is no room.
            SegmentDamaged: It is not whole.
        """
        self.file, self._segment_bytes = file, segment_bytes
        self.facts = read_segment(file)
        self.last_seq = self.facts.counts.seq
        """Of the newest row; 0 when there is none."""
        self._log_bytes = 0
        self.is_doubtful = False
        """A sync failed: what was written may be gone though a later sync succeeds."""
        # 0 for commit: every statement is a transaction of its own.
        self._connection = sqlite3.connect(
            file.path, timeout=WRITER_WAIT_S, isolation_level=None, check_same_thread=False, cached_statements=8
        )
        self._fds: list[int] = []
        try:
            self._prepare()
        except (OSError, sqlite3.Error):
            self.close()
            raise

    @property
    def is_full(self) -> bool:
        """Whether the next segment should be used."""
        return self._log_bytes >= self._segment_bytes

    def insert(self, entry: Entry) -> None:
        """Commit one row.

        Raises:
            SegmentDamaged: The file is broken.
            sqlite3.Error: It was not taken; the row is not there.
        """
        _, header, body = split(entry.message)
        c = entry.counts
        with _naming_damage(self.file):
            self._connection.execute(
                _INSERT, (c.seq, c.part_id, c.passes, c.rejects, c.unknowns, c.lates, header, body)
            )
        self.last_seq = c.seq
        self._log_bytes += _log_bytes(len(header) + len(body))

    def touch(self) -> None:
        """Commit something that is no row; raises like `insert`."""
        with _naming_damage(self.file):
            self._connection.execute("UPDATE segment SET touched = ?", (time.time_ns(),))
        self._log_bytes += _log_bytes(0)

    def sync(self) -> None:
        """Make every row that is committed survive a power cut; raises OSError."""
        os.fdatasync(self._fds[0])

    def is_there(self) -> bool:
        """Whether its files are still the ones that are written to."""
        try:
            return all(
                os.stat(f"{self.file.path}{suffix}").st_ino == os.fstat(fd).st_ino
                for suffix, fd in zip(("-wal", "-shm"), self._fds, strict=True)
            ) and (self._inode == os.stat(self.file.path).st_ino)
        except OSError:
            return False

    def finish(self, is_clean: bool = False) -> None:
        """Copy the log into the database and close, all of it synced; from then on it is one plain file.

        Args:
            is_clean: Also enter that the line has ended in good order.

        Raises:
            sqlite3.Error: Not now (a reader, no room): call again.
        """
        finish_segment(self.file, is_clean, closes=self)

    def disconnect(self) -> None:
        """Close the connection alone."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def close(self) -> None:
        """Let go of it; no connection of this process may be open then: closing `-shm` takes its locks away."""
        self.disconnect()
        for fd in self._fds:
            os.close(fd)
        self._fds = []

    def _prepare(self) -> None:
        run = self._connection.execute
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=NORMAL")  # a commit syncs nothing; whatever checkpoints does
        run("PRAGMA wal_autocheckpoint=0")
        self.touch()  # makes the log, and SQLite read its schema
        self._log_bytes = 0
        log_bytes = int(self._segment_bytes * _SLACK)
        shm_bytes = log_bytes // PAGE_BYTES * _SHM_BYTES_A_PAGE + 2 * _SHM_BLOCK
        for suffix, n_bytes in (("-wal", log_bytes), ("-shm", shm_bytes // _SHM_BLOCK * _SHM_BLOCK)):
            self._fds.append(os.open(f"{self.file.path}{suffix}", os.O_RDWR | os.O_CLOEXEC))
            os.posix_fallocate(self._fds[-1], 0, n_bytes)
        self._inode = os.stat(self.file.path).st_ino
        self._log_bytes = self._written_bytes()
        os.fsync(self._fds[0])
        sync_folder(self.file.path.parent)

    def _written_bytes(self) -> int:
        (rows, n_bytes) = self._connection.execute(
            "SELECT count(*), coalesce(sum(length(header) + length(body)), 0) FROM verdicts"
        ).fetchone()
        return 0 if not rows else int(rows * _log_bytes(n_bytes // rows))


class Leftover:
    """A segment of a killed process: it may hold rows that were never synced."""

    def __init__(self, file: SegmentFile) -> None:
        self.file = file
        self.is_doubtful = False

    def sync(self) -> None:
        """Make its rows survive a power cut; raises OSError."""
        try:
            fd = os.open(self.file.beside("-wal"), os.O_RDWR | os.O_CLOEXEC)  # a log has no locks to lose
        except FileNotFoundError:
            return
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def finish(self, is_clean: bool = False) -> None:
        """Turn it into one plain file; raises sqlite3.Error like `finish_segment`."""
        if self.file.path.exists():
            finish_segment(self.file, is_clean)


def finish_segment(file: SegmentFile, is_clean: bool = False, closes: OpenSegment | None = None) -> None:
    """Turn a segment that nobody writes to any more into one plain file, synced.

    Args:
        file: The segment.
        is_clean: Also enter that the line has ended in good order.
        closes: Its writer, closed on the way: the last connection that closes would copy by itself.

    Raises:
        sqlite3.Error: Not now (a reader, no room): call again.
    """
    connection = sqlite3.connect(file.path, timeout=WRITER_WAIT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("SELECT count(*) FROM segment").fetchone()  # connected: the next close is not the last
        if closes is not None:
            closes.disconnect()
        (is_busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise sqlite3.OperationalError("a reader holds the segment")
        connection.execute("PRAGMA journal_mode=DELETE")
        if is_clean:
            connection.execute("UPDATE segment SET is_clean = 1")
    finally:
        connection.close()
        if closes is not None:
            closes.close()


def _log_bytes(row_bytes: int) -> int:
    """Return about how much of the log a row takes: measured 1.4 pages at 700 bytes, 3.1 at 4,000, 18 at 64,000."""
    return (2 * PAGE_BYTES) + row_bytes * 5 // 4


@contextlib.contextmanager
def _naming_damage(file: SegmentFile) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if is_damage(error):
            raise SegmentDamaged(f"{file.path.name}: {error}") from error
        raise
