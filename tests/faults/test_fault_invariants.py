"""The comparison after a fault finds what it is for: each rule is broken once in a journal that is right."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from invariants import broken_rows, broken_rules

from benchmarks.account import Taken, Triggers, digest_of

JOURNAL = Path(__file__).with_name("journals") / "schema-1.sql"
EPOCH = 2364777938
ALL = Triggers(((1, 8),), ())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = JOURNAL.read_text("ascii")
    with closing(sqlite3.connect(tmp_path / text.splitlines()[0].removeprefix("-- "))) as database:
        database.executescript(text)
    return tmp_path


def execute(folder: Path, sql: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(next(folder.glob("*.db")), isolation_level=None)) as database:
        return database.execute(sql, values).fetchall()


def log_of(folder: Path) -> list[Taken]:
    rows = execute(folder, "SELECT seq, header, body FROM verdicts ORDER BY seq")
    return [Taken((EPOCH, seq), True, digest_of(header, json.loads(body))) for seq, header, body in rows]


def change(folder: Path, **keys: Any) -> None:
    """Change the body of the first verdict, a PASS."""
    [(raw,)] = execute(folder, "SELECT body FROM verdicts WHERE seq = 1")
    body = json.loads(raw)
    assert body["verdict"] == "PASS"
    execute(folder, "UPDATE verdicts SET body = ? WHERE seq = 1", json.dumps(body | keys).encode())


def test_a_journal_that_is_right_breaks_no_rule(folder: Path) -> None:
    assert broken_rules(folder, log_of(folder), ALL, deadline_ms=60_000.0) == []


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"score": None}, "without being judged"),
        ({"score": float("nan")}, "is no JSON"),
        ({"n_tiles": 0}, "without being judged"),
        ({"late": True}, "late, but PASS"),
        ({"latency_us": 60_000_001}, "PASS after 60000001 us"),
        ({"seq": 2}, "seq is 2 in the body"),
        ({"verdict": "REJECT", "reason": "defect", "n_defect_tiles": 1}, "reject flag"),
    ],
)
def test_a_verdict_that_was_not_judged_in_time_is_found(folder: Path, keys: dict[str, Any], said: str) -> None:
    change(folder, **keys)

    assert any(said in rule for rule in broken_rows(folder, deadline_ms=60_000.0))


def test_a_missing_number_is_found(folder: Path) -> None:
    execute(folder, "DELETE FROM verdicts WHERE seq = 4")

    assert broken_rows(folder) == [f"a gap in the numbers of epoch {EPOCH:08x}"]


@pytest.mark.parametrize(
    ("spoil", "triggers", "said"),
    [
        (lambda log: log[1:], ALL, "seq 1 of epoch 8cf3a5d2 was never taken"),
        (lambda log: [*log, log[0]], ALL, "was taken 2 times"),
        (lambda log: [*log[1:], Taken((EPOCH, 1), True, "another")], ALL, "says something else in the journal"),
        (lambda log: [*log, Taken((EPOCH, 9), True, "more")], ALL, "is not in the journal"),
        (lambda log: log, Triggers(((1, 9),), ()), "part 9 has no row"),
        (lambda log: log, Triggers(((1, 7),), ()), "part 8 has a row and no trigger"),
    ],
)
def test_what_journal_consumer_and_source_do_not_agree_on_is_found(
    folder: Path, spoil: Callable[[list[Taken]], list[Taken]], triggers: Triggers, said: str
) -> None:
    found = broken_rules(folder, spoil(log_of(folder)), triggers)

    assert any(said in rule for rule in found), found
