from __future__ import annotations

import json

import pytest

from edge_inspector.cli.sheet import row_text
from edge_inspector.core.errors import CameraNotFoundError
from edge_inspector.doctor.row import SCHEMA, Row, Status, exit_code_of, report_json

ROWS = [
    Row.ok("versions", "all of them"),
    Row.note("line", "none runs", "start it"),
    Row.warning("clock", "not synchronised", "chrony"),
    Row.failed("camera cam0", "not there", "plug it in", 69),
    Row.failed("port signals", "held by another", "end it"),
]


def test_the_first_failed_row_gives_the_exit_code() -> None:
    assert exit_code_of(ROWS) == 69
    assert exit_code_of(reversed(ROWS)) == 70


def test_warnings_and_notes_are_no_failure() -> None:
    assert exit_code_of(ROWS[:3]) == 0


def test_a_report_for_programs_has_the_documented_keys() -> None:
    report = report_json("press-3", "press-3.yaml", "0.1.0", ROWS)

    assert list(report) == ["schema", "line", "config", "version", "exit_code", "counts", "rows"]
    assert (report["schema"], report["exit_code"]) == (SCHEMA, 69) == ("insp-doctor/1", 69)
    assert report["counts"] == {"ok": 1, "note": 1, "warning": 1, "failed": 2}
    assert all(list(row) == ["name", "status", "seen", "next", "exit_code"] for row in report["rows"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_survives_its_way_through_json(row: Row) -> None:
    assert Row.from_json(json.loads(json.dumps(row.as_json()))) == row


def test_an_error_becomes_what_was_seen_and_the_next_step() -> None:
    row = Row.of("camera", CameraNotFoundError("no camera 42; it has 1; check its cable"))

    assert row == Row.failed("camera", "no camera 42; it has 1", "check its cable", 69)


def test_whoever_fails_or_warns_says_what_to_do() -> None:
    assert all(row.next for row in ROWS if row.status in (Status.WARNING, Status.FAILED))


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_row_is_wrapped_at_the_width_and_starts_in_its_columns(columns: int) -> None:
    row = Row.warning("clock of a long name", "word " * 60, "do " * 30)

    lines = row_text(row, columns).splitlines()

    width = max(columns, 8 + 17 + 30)
    assert all(len(line.replace("\x1b[33m", "").replace("\x1b[0m", "")) <= width for line in lines)
    assert all(line.startswith(" " * 8) for line in lines[1:])
    assert "-> do" in row_text(row, columns)


def test_a_command_stays_in_one_piece_however_narrow_the_terminal_is() -> None:
    command = "sudo nft " + "word " * 40 + "end"

    assert f"    {command}" in row_text(Row.note("outside", "count", command), 80).splitlines()
