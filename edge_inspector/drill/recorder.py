"""A subscriber that keeps every verdict in a database of its own, in a process of its own that may be killed.

python -m edge_inspector.drill.recorder PARENT LINE SIGNALS SERVICE FILE [KEY]
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path

from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.notice import Notice, NoticeName
from edge_inspector.client.subscriber import Subscriber
from edge_inspector.drill.seen import Record

CONSUMER = "drill"
"""What it calls itself without a key. It acknowledges nothing, so the line's record does not know it."""
_TABLES = """
CREATE TABLE IF NOT EXISTS lives (life INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS rows (epoch INTEGER, seq INTEGER, life INTEGER, PRIMARY KEY (epoch, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS repeats (epoch INTEGER, seq INTEGER, is_twice INTEGER);
CREATE TABLE IF NOT EXISTS positions (epoch INTEGER PRIMARY KEY, seq INTEGER);
CREATE TABLE IF NOT EXISTS losses (name TEXT, epoch INTEGER, first INTEGER, last INTEGER);
"""


class Store:
    """Rows and the cursor in one transaction: a kill takes both back, or neither."""

    def __init__(self, path: Path) -> None:
        """Open, or make it."""
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.execute("PRAGMA journal_mode=WAL")
        self._base.executescript(_TABLES)
        self._base.execute("BEGIN IMMEDIATE")
        self._life = self._base.execute("INSERT INTO lives DEFAULT VALUES").lastrowid

    def load(self) -> dict[int, int]:
        """Return {epoch: seq} of the former life."""
        return dict(self._base.execute("SELECT epoch, seq FROM positions ORDER BY rowid").fetchall())

    def store(self, positions: Mapping[int, int]) -> None:
        """Commit the rows so far with the position that they lead to."""
        self._base.execute("DELETE FROM positions")
        self._base.executemany("INSERT INTO positions VALUES (?, ?)", positions.items())
        self._base.execute("COMMIT")
        self._base.execute("BEGIN IMMEDIATE")

    def row(self, epoch: int, seq: int) -> None:
        """Keep a verdict."""
        found = self._base.execute("SELECT life FROM rows WHERE epoch = ? AND seq = ?", (epoch, seq)).fetchone()
        if found is None:
            self._base.execute("INSERT INTO rows VALUES (?, ?, ?)", (epoch, seq, self._life))
        else:
            self._base.execute("INSERT INTO repeats VALUES (?, ?, ?)", (epoch, seq, found[0] == self._life))

    def notice(self, notice: Notice) -> None:
        """Keep what cannot be had."""
        if notice.name in (NoticeName.GAP, NoticeName.TAIL_LOST, NoticeName.EPOCH_GONE):
            row = (notice.name, notice.epoch, notice.first, notice.last)
            self._base.execute("INSERT INTO losses VALUES (?, ?, ?, ?)", row)


def records(path: Path) -> dict[int, Record]:
    """Return what a recorder has committed, by epoch; empty while there is none."""
    if not path.exists():
        return {}
    base = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2.0)
    try:
        return {epoch: _record(base, epoch) for (epoch,) in base.execute("SELECT DISTINCT epoch FROM rows").fetchall()}
    except sqlite3.OperationalError:  # it has not made its tables yet
        return {}
    finally:
        base.close()


def _record(base: sqlite3.Connection, epoch: int) -> Record:
    first, last, n = base.execute("SELECT min(seq), max(seq), count(*) FROM rows WHERE epoch = ?", (epoch,)).fetchone()
    twice, again = (
        base.execute("SELECT count(*) FROM repeats WHERE epoch = ? AND is_twice = ?", (epoch, is_twice)).fetchone()[0]
        for is_twice in (1, 0)
    )
    (lost,) = base.execute("SELECT count(*) FROM losses WHERE epoch = ?", (epoch,)).fetchone()
    return Record(epoch, first, last, n, twice, again, lost)


def main(parent: str, line: str, signals: str, service: str, file: str, key: str | None = None) -> None:
    """Record until killed, or until the process `parent`, which started it, is gone."""
    store, keys = Store(Path(file)), ClientKeys.load(key) if key is not None else None
    consumer = keys.name if keys is not None else CONSUMER
    with Subscriber(
        line, [signals], service=service, consumer=consumer, cursor=store, keys=keys, on_notice=store.notice
    ) as subscriber:
        while os.getppid() == int(parent):
            message = subscriber.receive(0.2)
            if message is not None and message.kind == "verdict":
                store.row(message.header.epoch, message.header.seq)


if __name__ == "__main__":
    main(*sys.argv[1:])
