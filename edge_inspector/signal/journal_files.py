"""Segments of the journal as files: their names, what they say of themselves, whether they are whole.

Opening a file of a database and closing it again drops every lock that this process holds on it (POSIX): the
databases and their `-shm` are opened through SQLite alone, or held open for as long as its connection is.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.core.errors import JournalError
from edge_inspector.core.journal import Counts

APPLICATION_ID = 0x696E7370
"""`insp`, in the head of every segment."""
SCHEMA = 1
PAGE_BYTES = 4096
READER_WAIT_S = 0.05
"""A reader waits so long for a lock, which is held by a recovery alone."""
KEPT_DAMAGED = 3
"""Damaged files that stay for people; older ones go."""

_NAME = re.compile(r"(\d{8})-([0-9a-f]{8})\.db")
_ORDINAL = re.compile(r"(\d{8})-")
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
_SHORT_READ = sqlite3.SQLITE_IOERR_SHORT_READ
_TABLES = """
CREATE TABLE segment (
    line TEXT NOT NULL, epoch INTEGER NOT NULL, run INTEGER NOT NULL, boot_id TEXT NOT NULL,
    is_clean INTEGER NOT NULL, touched INTEGER NOT NULL);
CREATE TABLE verdicts (
    seq INTEGER PRIMARY KEY, part_id INTEGER NOT NULL,
    passes INTEGER NOT NULL, rejects INTEGER NOT NULL, unknowns INTEGER NOT NULL, lates INTEGER NOT NULL,
    header BLOB NOT NULL, body BLOB NOT NULL);
"""
COUNTS = "seq, part_id, passes, rejects, unknowns, lates"
"""Columns in the order of `Counts`."""


class SegmentDamaged(Exception):  # noqa: N818 - what was found in a file; a person meets it as an event
    """Raised when a segment is not what its name says: cut off, overwritten, half of it missing."""


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """One segment, by its name."""

    path: Path
    ordinal: int
    """Rises with each segment that is made in this folder."""
    epoch: int

    def beside(self, suffix: str) -> Path:
        """Return the path of `-wal` or `-shm`."""
        return Path(f"{self.path}{suffix}")

    def n_bytes(self) -> int:
        """Return what it takes on the disk, with its log; 0 when it is gone."""
        total = 0
        for suffix in ("", "-wal", "-shm"):
            try:
                total += os.stat(f"{self.path}{suffix}").st_blocks * 512
            except FileNotFoundError:
                continue
        return total


@dataclass(frozen=True, slots=True)
class Label:
    """What a segment says of itself."""

    line: str
    epoch: int
    run: int
    """Starts of the daemon in this epoch, from 1."""
    boot_id: str
    """The kernel's, when it was made."""
    is_clean: bool = False
    """The line ended in good order with this segment."""


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """What is in a segment."""

    label: Label
    first_seq: int
    """0 when it holds no row."""
    counts: Counts
    """Of its newest row."""


def segment_files(folder: Path) -> list[SegmentFile]:
    """Return all segments in the order in which they were made; empty where there is no folder."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    found = [(name, match) for name in names if (match := _NAME.fullmatch(name))]
    return sorted(
        (SegmentFile(folder / name, int(match[1]), int(match[2], 16)) for name, match in found),
        key=lambda file: file.ordinal,
    )


def next_ordinal(folder: Path) -> int:
    """Return a number that no segment of this folder has, damaged ones included."""
    used = [int(match[1]) for name in os.listdir(folder) if (match := _ORDINAL.match(name))]
    return max(used, default=0) + 1


def make_segment(folder: Path, ordinal: int, label: Label) -> SegmentFile:
    """Make an empty segment that survives a power cut from here on.

    Raises:
        sqlite3.Error: The disk does not take it.
        OSError: The same.
    """
    file = SegmentFile(folder / f"{ordinal:08d}-{label.epoch:08x}.db", ordinal, label.epoch)
    draft = file.path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA}")
        connection.executescript(f"BEGIN;{_TABLES}COMMIT;")
        row = (label.line, label.epoch, label.run, label.boot_id, int(label.is_clean), 0)
        connection.execute("INSERT INTO segment VALUES (?,?,?,?,?,?)", row)
        connection.execute("PRAGMA journal_mode=WAL")
    draft.rename(file.path)
    sync_folder(folder)
    return file


def read_segment(file: SegmentFile) -> SegmentFacts:
    """Return what is in a segment.

    Raises:
        SegmentDamaged: It is not whole.
        JournalError: It is another program's, or of a newer version of this one.
        sqlite3.Error: It cannot be read just now.
    """
    with reading(file) as connection:
        _demand_ours(file, connection)
        labels = connection.execute("SELECT line, epoch, run, boot_id, is_clean FROM segment").fetchall()
        first = connection.execute("SELECT seq FROM verdicts ORDER BY seq LIMIT 1").fetchone()
        last = connection.execute(f"SELECT {COUNTS} FROM verdicts ORDER BY seq DESC LIMIT 1").fetchone()
    if len(labels) != 1 or labels[0][1] != file.epoch:
        raise SegmentDamaged(f"{file.path.name} says nothing of its epoch, or another than its name")
    line, epoch, run, boot_id, is_clean = labels[0]
    label = Label(line, epoch, run, boot_id, bool(is_clean))
    return SegmentFacts(label, first[0] if first else 0, Counts(*last) if last else Counts())


def newest_row(file: SegmentFile) -> tuple[Counts, bytes, bytes] | None:
    """Return counts, header and body of a segment's newest row; None when it has none. Raises like `read_segment`."""
    with reading(file) as connection:
        row = connection.execute(f"SELECT {COUNTS}, header, body FROM verdicts ORDER BY seq DESC LIMIT 1").fetchone()
    return None if row is None else (Counts(*row[:6]), row[6], row[7])


def check_segment(file: SegmentFile) -> None:
    """Read all of a segment; raises SegmentDamaged when something in it does not hold together."""
    with reading(file) as connection:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()
        gaps = connection.execute("SELECT max(seq) - min(seq) + 1 - count(*) FROM verdicts").fetchone()
    if found != ("ok",):
        raise SegmentDamaged(f"{file.path.name}: {found[0] if found else 'no answer'}")
    if gaps[0]:
        raise SegmentDamaged(f"{file.path.name} lacks {gaps[0]} rows between its first and its last")


@contextmanager
def reading(file: SegmentFile) -> Iterator[sqlite3.Connection]:
    """Give a connection that cannot write; what it finds damaged becomes SegmentDamaged."""
    try:
        uri = f"{file.path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=READER_WAIT_S, isolation_level=None)) as connection:
            yield connection
    except sqlite3.Error as error:
        if is_damage(error):
            raise SegmentDamaged(f"{file.path.name}: {error}") from error
        raise


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error says that the file is broken, not that it is busy, missing or full."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF in _DAMAGE or code == _SHORT_READ


def in_words(error: Exception, folder: Path) -> str:
    """Return what a disk said, with the reason where it can be seen."""
    said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    try:
        found = os.statvfs(folder)
    except OSError as gone:
        return f"{said}; {folder}: {gone.strerror}"
    if found.f_flag & os.ST_RDONLY:
        return f"{said}; the file system of {folder} is read-only"
    return f"{said}; the disk of {folder} is full" if not found.f_bavail else said


def set_aside(file: SegmentFile) -> str:
    """Rename a damaged segment, so that nobody uses it and people still can look; returns its new name.

    Raises:
        OSError: It cannot be renamed.
    """
    suffix = f".damaged-{time.time_ns() // 1_000_000_000}"
    for beside in ("-wal", ""):  # the log first: without its database it is swept
        path = file.beside(beside)
        if path.exists():
            path.rename(f"{path}{suffix}")
    file.beside("-shm").unlink(missing_ok=True)
    sync_folder(file.path.parent)
    _drop_old_damaged(file.path.parent)
    return f"{file.path.name}{suffix}"


def remove_segment(file: SegmentFile) -> None:
    """Delete a segment; the database first, so that a kill leaves no database without its log."""
    for suffix in ("", "-wal", "-shm"):
        file.beside(suffix).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Delete what kills left behind: segments half made, logs whose database was deleted."""
    for path in folder.iterdir():
        base, is_beside, _ = path.name.partition(".db-")
        is_draft = ".new" in path.suffix
        is_orphan = is_beside and "damaged" not in path.name and not (folder / f"{base}.db").exists()
        if is_draft or is_orphan:
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make names in a folder survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _demand_ours(file: SegmentFile, connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if (application, schema, tables) == (0, 0, 0):
        raise SegmentDamaged(f"{file.path.name} is empty")
    if application != APPLICATION_ID:
        raise JournalError(
            f"{file.path} is another program's database; give the journal a folder of its own (journal.folder)"
        )
    if schema != SCHEMA:
        raise JournalError(
            f"{file.path} has schema {schema}, this program knows {SCHEMA}: run the program that wrote it, or move the "
            "journal's folder away to begin a new one"
        )


def _drop_old_damaged(folder: Path) -> None:
    ordinals = sorted({path.name[:8] for path in folder.glob("*.damaged-*")}, reverse=True)
    for ordinal in ordinals[KEPT_DAMAGED:]:
        for path in folder.glob(f"{ordinal}-*.damaged-*"):
            path.unlink(missing_ok=True)
