"""The offline checker: silent where all agree, and with a word for each way in which they may not."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes.journal_parts import JournalRun, entry

from edge_inspector.client.wire import Flag, Header, topic
from edge_inspector.signal.journal_check import disagreements, read_heard, read_journal, read_triggers
from edge_inspector.signal.journal_files import segment_files
from edge_inspector.signal.message import header_as_replayed, split

ROWS = 200
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check-journal"


@pytest.fixture
def run(tmp_path: Path) -> JournalRun:
    run = JournalRun(tmp_path / "journal")
    for _ in range(ROWS // 50):
        run.append(50)
        run.work(2)
    return run


def heard(run: JournalRun, *seqs: int, replayed: bool = False, **changes: Any) -> list[str]:
    """Return the records of a witness that heard these."""
    lines = []
    for seq in seqs:
        name, header, body = split(entry(seq, run.epoch).message)
        header = header_as_replayed(header) if replayed else header
        body = json.dumps(json.loads(body) | changes).encode()
        lines.append(json.dumps({"frames": [frame.hex() for frame in (name, header, body)]}))
    return lines


def event(run: JournalRun, name: str, **extra: Any) -> str:
    header = Header(Flag(0), run.epoch, 0, 1, 0).pack()
    body = json.dumps({"epoch": run.epoch, "name": name, **extra}).encode()
    return json.dumps({"frames": [frame.hex() for frame in (topic("l1", "event"), header, body)]})


def found(run: JournalRun, lines: list[str], triggers: str = "", is_all: bool = False) -> list[str]:
    rows = read_journal(run.folder)
    return disagreements(rows, read_heard(lines), read_triggers(triggers) if triggers else None, is_all=is_all)


def test_who_heard_everything_agrees(run: JournalRun) -> None:
    lines = heard(run, *range(1, 150)) + heard(run, *range(140, ROWS + 1), replayed=True)
    lines += [json.dumps({"link": "up", "endpoint": "signals"}), json.dumps({"kind": "hb", "flags": 32, "epoch": 7})]

    assert found(run, lines, "\n".join(map(str, range(1000, 1000 + ROWS))), is_all=True) == []
    assert found(run, lines, str(ROWS)) == []


def test_bodies_alone_are_a_log_too(run: JournalRun) -> None:
    bodies = [json.loads(split(entry(seq, run.epoch).message)[2]) for seq in range(1, ROWS + 1)]
    lines = [json.dumps({"kind": "verdict", "flags": 0, **body}) for body in bodies]

    assert found(run, lines, is_all=True) == []


def test_what_was_heard_and_not_journaled_is_named(run: JournalRun) -> None:
    assert found(run, heard(run, ROWS + 1)) == [f"1 verdicts heard and not in the journal: ({run.epoch}, {ROWS + 1})"]


def test_what_was_announced_as_gone_is_no_disagreement(run: JournalRun) -> None:
    gone = event(run, "tail_lost", of_epoch=run.epoch, range=[ROWS + 1, ROWS + 9])

    assert found(run, [*heard(run, ROWS + 1), gone]) == []


def test_what_lies_below_the_tail_is_no_disagreement(run: JournalRun) -> None:
    segment_files(run.folder)[0].path.unlink()

    assert found(run, heard(run, 1, 2)) == []


def test_the_same_number_twice_is_named(run: JournalRun) -> None:
    twice = found(run, heard(run, 5, 5))
    replayed = found(run, heard(run, 5) + heard(run, 5, replayed=True))
    differing = found(run, heard(run, 5) + heard(run, 5, replayed=True, verdict="REJECT"))

    assert twice == [f"1 verdicts heard live twice: ({run.epoch}, 5)"]
    assert replayed == []
    assert differing[0].startswith("1 verdicts heard with different contents")


def test_what_was_sent_otherwise_than_journaled_is_named(run: JournalRun) -> None:
    assert "otherwise than they are" in found(run, heard(run, 5, verdict="REJECT"))[0]


def test_what_a_consumer_lacks_is_named_when_it_claims_to_have_all(run: JournalRun) -> None:
    assert found(run, heard(run, *range(1, ROWS))) == []
    assert "1 verdicts in the journal that were not heard" in found(run, heard(run, *range(1, ROWS)), is_all=True)[0]


def test_a_trigger_without_a_verdict_is_named_unless_it_was_announced(run: JournalRun) -> None:
    triggers = "\n".join(map(str, range(1000, 1000 + ROWS + 3)))
    lost = event(run, "parts_lost", range=[1000 + ROWS, 1000 + ROWS + 99])

    assert found(run, [], triggers)[0].startswith("3 triggers without a verdict that nobody announced: 1200, 1201")
    assert found(run, [lost], triggers) == []
    assert found(run, [], "1000\n1001")[0].startswith(f"{ROWS - 2} verdicts of parts that the source did not count")
    assert found(run, [], "999") == [f"the source counted 999 triggers, {ROWS} parts have a verdict"]


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("DELETE FROM verdicts WHERE seq = 3", "1 numbers missing in the journal within epoch"),
        (
            "UPDATE verdicts SET body = replace(body, '\"part_id\": 1002', '\"part_id\": 1001')",
            "parts with two verdicts",
        ),
        ("UPDATE verdicts SET body = replace(body, ': 3,', ': 4,')", "holds the verdict"),
    ],
)
def test_a_journal_that_contradicts_itself_is_named(run: JournalRun, sql: str, what: str) -> None:
    with closing(sqlite3.connect(segment_files(run.folder)[0].path, isolation_level=None)) as database:
        database.execute(sql)

    assert what in found(run, [])[0]


def test_the_script_ends_with_1_when_something_disagrees(run: JournalRun, tmp_path: Path) -> None:
    def check(lines: list[str], *options: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "heard.jsonl").write_text("\n".join(lines) + "\n")
        command = [sys.executable, str(SCRIPT), str(run.folder), "--heard", str(tmp_path / "heard.jsonl"), *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    agreed, lacking = check(heard(run, *range(1, ROWS + 1)), "--all"), check(heard(run, 1), "--all")

    assert (agreed.returncode, lacking.returncode) == (0, 1)
    assert agreed.stdout.splitlines() == [
        f"{ROWS} rows ({run.epoch}: 1 to {ROWS}), {ROWS} verdicts heard",
        "everything agrees",
    ]
    assert "not heard" in lacking.stdout
