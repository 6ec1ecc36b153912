from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge_inspector.signal import consumers as module
from edge_inspector.signal.consumers import MAX_CONSUMERS, Consumers, TooMany
from edge_inspector.signal.requests import Ack, GateOutcome


def ack(consumer: str = "gate", epoch: int = 7, upto: int = 1, *outcomes: GateOutcome) -> Ack:
    return Ack(1, consumer, epoch, upto, outcomes)


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchall()


def test_what_was_acknowledged_is_known_after_a_restart(tmp_path: Path) -> None:
    with Consumers(tmp_path / "c.db") as first:
        first.store(ack(upto=9))
        first.store(ack(epoch=8, upto=3))

    with Consumers(tmp_path / "c.db") as second:
        assert (second.acked["gate"].epoch, second.acked["gate"].upto) == (8, 3)
        assert second.knows("gate", 7)
        assert not second.knows("gate", 9)


def test_a_damaged_file_is_set_aside_and_a_new_one_begins(tmp_path: Path) -> None:
    (tmp_path / "c.db").write_bytes(b"no database at all " * 500)

    with Consumers(tmp_path / "c.db") as consumers:
        consumers.store(ack())

    assert (tmp_path / "c.db.damaged").read_bytes().startswith(b"no database")
    assert rows(tmp_path / "c.db", "SELECT upto FROM acks") == [(1,)]


@pytest.mark.parametrize("pragma", ["user_version = 9", "application_id = 77"])
def test_a_file_of_another_program_or_a_newer_version_is_left_alone(tmp_path: Path, pragma: str) -> None:
    with Consumers(tmp_path / "c.db") as consumers:
        consumers.store(ack(upto=5))
    with closing(sqlite3.connect(tmp_path / "c.db")) as database:
        database.execute(f"PRAGMA {pragma}")

    with (
        Consumers(tmp_path / "c.db") as consumers,
        pytest.raises(sqlite3.OperationalError, match="not of this program"),
    ):
        consumers.store(ack(upto=6))

    assert rows(tmp_path / "c.db", "SELECT upto FROM acks") == [(5,)]


def test_a_folder_that_comes_late_is_opened_when_somebody_acknowledges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_NS", 0)
    with Consumers(tmp_path / "late" / "c.db") as consumers:
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            consumers.store(ack())
        (tmp_path / "late").mkdir()

        consumers.store(ack(upto=2))

    assert rows(tmp_path / "late" / "c.db", "SELECT upto FROM acks") == [(2,)]


def test_there_are_only_so_many_consumers_and_those_there_are_stay(tmp_path: Path) -> None:
    with Consumers(tmp_path / "c.db") as consumers:
        for n in range(MAX_CONSUMERS):
            consumers.store(ack(f"logger-{n}"))

        with pytest.raises(TooMany):
            consumers.store(ack("one-more"))
        consumers.store(ack("logger-0", upto=9))

        assert consumers.acked["logger-0"].upto == 9


def test_outcomes_and_epochs_are_bounded_and_the_newest_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OUTCOMES", 50)
    monkeypatch.setattr(module, "MAX_EPOCHS", 3)
    monkeypatch.setattr(module, "TRIM_EVERY", 10)
    with Consumers(tmp_path / "c.db") as consumers:
        for n in range(1, 301):
            consumers.store(ack("gate", n // 30, n, GateOutcome("seq", n, "fired")))

    kept = [row[0] for row in rows(tmp_path / "c.db", "SELECT value FROM outcomes ORDER BY value")]
    epochs = [row[0] for row in rows(tmp_path / "c.db", "SELECT epoch FROM acks ORDER BY epoch")]
    assert kept[-1] == 300
    assert 50 <= len(kept) <= 60
    assert epochs[-1] == 10
    assert len(epochs) <= 4
