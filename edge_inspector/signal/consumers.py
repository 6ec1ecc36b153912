"""Main's own database: how far each consumer is, and what gates did with the parts."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_inspector.core.clock import monotonic_ns, utc_us
from edge_inspector.core.errors import JournalError
from edge_inspector.core.logs import get_log
from edge_inspector.signal.journal_files import is_damage
from edge_inspector.signal.requests import Ack

log = get_log(__name__)

APPLICATION_ID = 0x696E7363
"""`insc`."""
SCHEMA = 1
MAX_CONSUMERS = 256
MAX_EPOCHS = 32
"""Of one consumer: the newest."""
MAX_OUTCOMES = 200_000
TRIM_EVERY = 1_000
RETRY_NS = 1_000_000_000
"""A database that could not be opened is tried again after so long, when somebody acknowledges."""
_TABLES = """
CREATE TABLE acks (
    consumer TEXT NOT NULL, epoch INTEGER NOT NULL, upto INTEGER NOT NULL, at_utc_us INTEGER NOT NULL,
    PRIMARY KEY (consumer, epoch)) WITHOUT ROWID;
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY, consumer TEXT NOT NULL, epoch INTEGER NOT NULL, named_by TEXT NOT NULL,
    value INTEGER NOT NULL, outcome TEXT NOT NULL, at_utc_us INTEGER NOT NULL,
    UNIQUE (consumer, epoch, named_by, value));
"""
_ACK = """INSERT INTO acks VALUES (?,?,?,?)
    ON CONFLICT DO UPDATE SET upto = max(upto, excluded.upto), at_utc_us = excluded.at_utc_us"""
_OUTCOME = """INSERT INTO outcomes (consumer, epoch, named_by, value, outcome, at_utc_us) VALUES (?,?,?,?,?,?)
    ON CONFLICT DO UPDATE SET outcome = excluded.outcome, at_utc_us = excluded.at_utc_us"""


class TooMany(Exception):  # noqa: N818 - an answer, not an error
    """Raised for a consumer above MAX_CONSUMERS."""


@dataclass(frozen=True, slots=True)
class Acked:
    """How far one consumer is."""

    consumer: str
    epoch: int
    """The newest that it acknowledged something of."""
    upto: int
    at_utc_us: int
    """Label of its newest acknowledgement."""


class Consumers:
    """Opened and used by the service thread; `outcomes` and `acked` may be read by others."""

    def __init__(self, path: Path) -> None:
        """Prepare; entering opens the file, or makes it.

        Args:
            path: Of the database, in a folder that is locked by this process.
        """
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._since_trim = self._retry_ns = 0
        self._why = "it was not opened"
        self.acked: dict[str, Acked] = {}
        """By name; replaced, never changed."""
        self.outcomes: dict[str, int] = {}
        """Outcomes stored since the start, by their value."""

    def __enter__(self) -> Self:
        """Open. What refuses is told to those who acknowledge: hello and replay need no database."""
        self._try_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def knows(self, consumer: str, epoch: int) -> bool:
        """Whether a consumer acknowledged something of an epoch before."""
        sql = "SELECT 1 FROM acks WHERE consumer = ? AND epoch = ?"
        return self._run().execute(sql, (consumer, epoch)).fetchone() is not None

    def store(self, ack: Ack) -> None:
        """Store an acknowledgement with its outcomes, all or nothing; it survives a kill from here on.

        Raises:
            TooMany: There are as many consumers as may be.
            sqlite3.Error: The disk does not take it.
        """
        if ack.consumer not in self.acked and len(self.acked) >= MAX_CONSUMERS:
            raise TooMany
        now_us, connection = utc_us(), self._run()
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_ACK, (ack.consumer, ack.epoch, ack.upto, now_us))
            rows = [(ack.consumer, ack.epoch, each.named_by, each.value, each.outcome, now_us) for each in ack.outcomes]
            connection.executemany(_OUTCOME, rows)
            self._trim(connection, ack)
        for each in ack.outcomes:
            self.outcomes[each.outcome] = self.outcomes.get(each.outcome, 0) + 1
        former = self.acked.get(ack.consumer)
        upto = max(ack.upto, former.upto) if former is not None and former.epoch == ack.epoch else ack.upto
        self.acked = self.acked | {ack.consumer: Acked(ack.consumer, ack.epoch, upto, now_us)}

    def _trim(self, connection: sqlite3.Connection, ack: Ack) -> None:
        self._since_trim += len(ack.outcomes) + 1
        if self._since_trim < TRIM_EVERY:
            return
        self._since_trim = 0
        connection.execute("DELETE FROM outcomes WHERE id <= (SELECT max(id) FROM outcomes) - ?", (MAX_OUTCOMES,))
        connection.execute(
            "DELETE FROM acks WHERE consumer = ?1 AND epoch NOT IN "
            "(SELECT epoch FROM acks WHERE consumer = ?1 ORDER BY at_utc_us DESC LIMIT ?2)",
            (ack.consumer, MAX_EPOCHS),
        )

    def _run(self) -> sqlite3.Connection:
        if self._connection is None and monotonic_ns() >= self._retry_ns:
            self._try_open()
        if self._connection is None:
            raise sqlite3.OperationalError(self._why)
        return self._connection

    def _try_open(self) -> None:
        self._retry_ns = monotonic_ns() + RETRY_NS
        try:
            try:
                self._open()
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                self._begin_anew(error)
        except (OSError, sqlite3.Error, JournalError) as error:
            self.__exit__(None, None, None)
            self._why = f"{self._path}: {error}"
            log.error("consumers_not_stored", detail=self._why)

    def _open(self) -> None:
        connection = self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=0.1)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if (application, schema, tables) == (0, 0, 0):
            connection.executescript(
                f"BEGIN;PRAGMA application_id={APPLICATION_ID};PRAGMA user_version={SCHEMA};{_TABLES}COMMIT;"
            )
        elif (application, schema) != (APPLICATION_ID, SCHEMA):
            raise JournalError(
                f"{self._path} is not of this program, or of schema {schema} where this one knows {SCHEMA}: run the "
                "program that wrote it, or move the file away"
            )
        rows = connection.execute("SELECT consumer, epoch, upto, at_utc_us FROM acks ORDER BY at_utc_us").fetchall()
        self.acked = {row[0]: Acked(*row) for row in rows}

    def _begin_anew(self, error: sqlite3.Error) -> None:
        """Set a damaged file aside: consumers keep their own cursors, this is the line's record of them."""
        self.__exit__(None, None, None)
        kept = f"{self._path.name}.damaged"
        for suffix in ("-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        self._path.rename(self._path.with_name(kept))
        log.error("consumers_damaged", detail=f"{self._path}: {error}; kept as {kept}, a new one begins")
        self._open()
