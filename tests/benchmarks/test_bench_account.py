"""The account finds each way in which a line could have said too little, too much, or something else."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest

from benchmarks import account as module
from benchmarks.account import Row, Taken, Triggers, account, digest_of, read_journal, read_log, read_triggers
from edge_inspector.client.wire import Flag, Header

EPOCH = 7
ROWS = [Row((EPOCH, seq), part, f"d{seq}") for seq, part in ((1, 1), (2, 2), (3, 3), (4, 11))]
LOG = [Taken(row.key, True, row.digest) for row in ROWS]
TRIGGERS = Triggers(((1, 5), (11, 1)), ((4, 10),))
"""Parts 4 and 5 were under way when everything was killed."""


def test_a_line_that_said_everything_once_is_right() -> None:
    found = account(ROWS, LOG, TRIGGERS)

    assert found.is_right, str(found)
    assert (found.triggers, found.rows, found.announced) == (6, 4, 2)
    assert "6 triggers = 4 rows + 2 announced as lost" in str(found)


@pytest.mark.parametrize("gone", range(4))
def test_a_row_that_was_never_taken_is_lost(gone: int) -> None:
    found = account(ROWS, LOG[:gone] + LOG[gone + 1 :], TRIGGERS)

    assert found.lost == (f"seq {gone + 1} of epoch 00000007 was never taken",)
    assert not found.is_right


def test_a_number_below_the_head_that_nobody_has_is_lost() -> None:
    found = account([ROWS[0], *ROWS[2:]], [LOG[0], *LOG[2:]], TRIGGERS)

    assert found.lost == ("seq 2 of epoch 00000007 was never taken",)
    assert found.law_1 == ("part 2 has no row and was not announced",)


def test_a_verdict_taken_live_and_replayed_is_a_duplicate() -> None:
    found = account(ROWS, [*LOG, Taken((EPOCH, 2), False, "d2")], TRIGGERS)

    assert found.duplicate == ("seq 2 of epoch 00000007 was taken 2 times",)


def test_a_number_that_two_segments_have_is_a_duplicate() -> None:
    found = account([*ROWS, ROWS[3]], LOG, TRIGGERS)

    assert found.duplicate == ("seq 4 of epoch 00000007 is 2 times in the journal",)


@pytest.mark.parametrize("key", [(EPOCH, 5), (8, 1)])
def test_a_verdict_without_a_row_was_sent_and_not_journaled(key: tuple[int, int]) -> None:
    found = account(ROWS, [*LOG, Taken(key, True, "d")], TRIGGERS)

    assert found.unjournaled == (f"seq {key[1]} of epoch {key[0]:08x} is not in the journal",)


def test_a_verdict_that_says_something_else_than_its_row_was_not_journaled() -> None:
    found = account(ROWS, [*LOG[:3], Taken((EPOCH, 4), True, "other")], TRIGGERS)

    assert found.unjournaled == ("seq 4 of epoch 00000007 says something else in the journal",)


def test_rows_that_went_with_an_old_segment_are_not_asked_for_but_must_have_been_taken() -> None:
    triggers = Triggers(((3, 3), (11, 1)), ((4, 10),))

    assert account(ROWS[2:], LOG, triggers).is_right
    assert account(ROWS[2:], LOG[1:], triggers).lost == ("seq 1 of epoch 00000007 was never taken",)


def test_a_trigger_without_row_or_announcement_breaks_law_1() -> None:
    assert account(ROWS, LOG, Triggers(TRIGGERS.runs, ())).law_1 == (
        "part 4 has no row and was not announced",
        "part 5 has no row and was not announced",
    )


def test_a_row_without_a_trigger_breaks_law_1() -> None:
    assert account(ROWS, LOG, Triggers(((1, 5),), ((4, 10),))).law_1 == ("part 11 has a row and no trigger",)


def test_a_part_with_a_row_that_was_announced_as_lost_breaks_law_1() -> None:
    assert account(ROWS, LOG, Triggers(TRIGGERS.runs, ((3, 10),))).law_1 == (
        "part 3 has a row and was announced as lost",
    )


def test_a_part_with_two_rows_breaks_law_1() -> None:
    rows = [*ROWS, Row((EPOCH, 5), 11, "d5")]

    found = account(rows, [*LOG, Taken((EPOCH, 5), True, "d5")], TRIGGERS)

    assert found.law_1 == ("part 11 has 2 rows",)


def test_a_part_number_of_two_runs_breaks_law_1() -> None:
    assert account(ROWS, LOG, Triggers(((1, 5), (5, 1), (11, 1)), ((4, 10),))).law_1 == (
        "1 part numbers were given twice",
    )


def test_a_replayed_message_has_the_digest_of_the_first_one_and_no_other_has() -> None:
    live, again, late = (
        Header(flags, 7, 1, 5, 1).pack() for flags in (Flag.READY, Flag.READY | Flag.REPLAYED, Flag.LATE)
    )

    assert digest_of(live, {"a": 1, "b": 0.5}) == digest_of(again, {"b": 0.5, "a": 1})
    assert len({digest_of(live, {"a": 1}), digest_of(late, {"a": 1}), digest_of(live, {"a": 2})}) == 3


def write_all(folder: Path, cut: str = "") -> list[str]:
    header = Header(Flag.READY, EPOCH, 1, 5, 1).pack()
    journal = folder / "journal"
    journal.mkdir()
    connection = sqlite3.connect(journal / "00000001-00000007.db")
    connection.execute("CREATE TABLE verdicts (seq INTEGER PRIMARY KEY, part_id INTEGER, header BLOB, body BLOB)")
    connection.execute("INSERT INTO verdicts VALUES (1, 1, ?, ?)", (header, b'{"v": 1}'))
    connection.commit()
    connection.close()
    (journal / "00000000-00000007.db.damaged-1").write_bytes(b"set aside")
    (folder / "log").write_text(f"7 1 live {digest_of(header, {'v': 1})}\n{cut}")
    (folder / "triggers").write_text(json.dumps({"first": 1, "count": 2}) + "\n" + json.dumps({"lost": [2, 9]}) + "\n")
    return ["account", *(f"--{name}={folder / name}" for name in ("journal", "log", "triggers"))]


def test_the_files_are_read_and_a_line_that_a_kill_cut_off_is_none(tmp_path: Path) -> None:
    write_all(tmp_path, cut="7 2 li")

    log, triggers = read_log(tmp_path / "log"), read_triggers(tmp_path / "triggers")

    assert [taken.key for taken in log] == [(7, 1)]
    assert account(read_journal(tmp_path / "journal"), log, triggers).is_right


@pytest.mark.parametrize(("cut", "code"), [("", 0), ("7 1 replayed 00\n", 1)])
def test_the_program_says_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cut: str, code: int
) -> None:
    monkeypatch.setattr(sys, "argv", write_all(tmp_path, cut))

    with pytest.raises(SystemExit) as ended:
        module.main()

    assert ended.value.code == code
    assert f"{code} duplicate" in capsys.readouterr().out
