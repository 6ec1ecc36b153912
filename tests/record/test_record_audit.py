"""The audit log: whole lines, synced, never rewritten, and an error when it cannot be."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.core.errors import ProcessError
from edge_inspector.record.audit import AuditLog


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in path.read_text().splitlines()]


def test_each_entry_is_one_line_with_time_line_and_fields(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, "press-3")
    before = datetime.now(UTC)

    log.append("bypass_on", by="anna", reason="zwei\nZeilen \u2028 ü", minutes=5.0)
    log.append("bypass_off", why="time")

    first, second = entries(path)
    assert first.pop("utc").endswith("Z")
    assert first == {
        "event": "bypass_on",
        "line": "press-3",
        "by": "anna",
        "reason": "zwei\nZeilen \u2028 ü",
        "minutes": 5.0,
    }
    assert second["why"] == "time"
    assert before <= datetime.fromisoformat(second["utc"]) <= datetime.now(UTC)


def test_what_stands_in_the_file_stays_and_half_a_line_of_a_power_cut_gets_no_neighbour(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b'{"event":"line_started"}\n{"event":"bypa')

    AuditLog(path, "press-3").append("line_started")

    rows = path.read_bytes().splitlines()
    assert rows[:2] == [b'{"event":"line_started"}', b'{"event":"bypa']
    assert json.loads(rows[2])["event"] == "line_started"


def test_file_and_folder_are_synced_before_the_entry_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, int]] = []
    fsync = os.fsync

    def remember(fd: int) -> None:
        synced.append((os.readlink(f"/proc/self/fd/{fd}"), (tmp_path / "audit.jsonl").stat().st_size))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", remember)
    AuditLog(tmp_path / "audit.jsonl", "press-3").append("line_started")

    size = (tmp_path / "audit.jsonl").stat().st_size
    assert synced == [(str(tmp_path / "audit.jsonl"), size), (str(tmp_path), size)]


def test_a_file_moved_away_between_two_entries_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, "press-3")
    log.append("one")
    path.rename(tmp_path / "audit.old")

    log.append("two")

    assert [entry["event"] for entry in entries(tmp_path / "audit.old")] == ["one"]
    assert [entry["event"] for entry in entries(path)] == ["two"]


def test_it_is_not_readable_for_everybody(tmp_path: Path) -> None:
    AuditLog(tmp_path / "audit.jsonl", "press-3").append("one")

    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("fault", ["full", "folder", "absent"])
def test_an_entry_that_cannot_be_written_is_an_error_that_names_the_file(fault: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    if fault == "full":
        path.symlink_to("/dev/full")
    elif fault == "folder":
        path.mkdir()
    else:
        path = tmp_path / "absent" / "audit.jsonl"

    with pytest.raises(ProcessError, match=r"audit\.jsonl cannot be written: .+; free the disk"):
        AuditLog(path, "press-3").append("bypass_on")
