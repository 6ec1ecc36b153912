"""Folders, clock, cores and permissions: what is seen of a computer, on folders that stand for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_inspector.doctor import folders
from edge_inspector.doctor.clock import clock_rows
from edge_inspector.doctor.cores import core_rows, priority_row
from edge_inspector.doctor.folders import disk_of, disk_row, missing_row, room_row, used_bytes, write_row
from edge_inspector.doctor.permissions import open_to_others, secrets_open_to_others
from edge_inspector.doctor.processes import LineProcess
from edge_inspector.doctor.row import Status
from edge_inspector.settings.performance import CoreSettings, PerformanceSettings

NOON_2026_S = 1_780_000_000.0


def test_a_file_is_written_synced_and_gone_again(tmp_path: Path) -> None:
    row = write_row("evidence", tmp_path)

    assert row.status is Status.OK
    assert "ms" in row.seen
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_file_fails_with_the_reason(tmp_path: Path) -> None:
    row = write_row("evidence", tmp_path / "absent")

    assert row.status is Status.FAILED
    assert "No such file" in row.seen


def test_a_disk_that_takes_long_to_sync_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "SLOW_S", 0.0)

    assert write_row("evidence", tmp_path).status is Status.WARNING


def test_a_folder_that_is_not_there_is_made_by_the_line_where_it_may(tmp_path: Path) -> None:
    row = missing_row("state", tmp_path / "a" / "b")

    assert row is not None
    assert (row.status, str(tmp_path) in row.seen) == (Status.OK, True)
    assert missing_row("state", tmp_path) is None


def test_a_file_in_the_place_of_a_folder_fails(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")

    row = missing_row("state", tmp_path / "state")

    assert row is not None
    assert row.status is Status.FAILED


def test_room_is_compared_with_what_may_still_come(tmp_path: Path) -> None:
    free = disk_of(tmp_path).free_bytes

    assert room_row("evidence", tmp_path, 0, free // 2, 0).status is Status.OK
    assert room_row("evidence", tmp_path, 0, free * 2, 0).status is Status.WARNING
    assert room_row("evidence", tmp_path, free * 2, free * 2, free // 2).status is Status.OK
    assert "nothing is kept" in room_row("evidence", tmp_path, 0, 1, free * 2).seen


def test_what_is_in_a_folder_is_counted_to_its_depth(tmp_path: Path) -> None:
    (tmp_path / "20261129").mkdir()
    (tmp_path / "20261129" / "a.json").write_bytes(b"x" * 100)

    assert used_bytes(tmp_path) == (100, 1)


def test_errors_that_a_disk_has_counted_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = folders.Disk("ext4", "/dev/sda1", 10**9, False)
    monkeypatch.setattr(folders, "disk_of", lambda _: found)
    (tmp_path / "fs/ext4/sda1").mkdir(parents=True)
    (tmp_path / "fs/ext4/sda1/errors_count").write_text("3\n")

    row = disk_row("state", tmp_path, sys=tmp_path)

    assert (row.status, "3 errors" in row.seen) == (Status.WARNING, True)


@pytest.mark.parametrize(
    ("kind", "is_read_only", "status"),
    [
        ("ext4", False, Status.OK),
        ("ext4", True, Status.FAILED),
        ("nfs4", False, Status.WARNING),
        ("tmpfs", False, Status.WARNING),
    ],
)
def test_a_disk_is_what_its_file_system_says(
    kind: str, is_read_only: bool, status: Status, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "disk_of", lambda _: folders.Disk(kind, "dev", 1, is_read_only))

    assert disk_row("state", tmp_path).status is status


def test_a_clock_that_was_set_back_shows_in_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "part_numbers.json").write_text("{}")
    os.utime(tmp_path / "part_numbers.json", (NOON_2026_S + 3600, NOON_2026_S + 3600))

    rows = clock_rows(True, [tmp_path, tmp_path / "absent"], now_s=NOON_2026_S)

    assert [row.status for row in rows] == [Status.OK, Status.WARNING]
    assert "3600 s in the future" in rows[1].seen


@pytest.mark.parametrize(
    ("is_synced", "now_s", "words"), [(False, NOON_2026_S, "not synchronised"), (True, 0.0, "never set")]
)
def test_a_clock_that_nobody_keeps_is_a_warning(is_synced: bool, now_s: float, words: str, tmp_path: Path) -> None:
    [row] = clock_rows(is_synced, [], proc=tmp_path, now_s=now_s)

    assert (row.status, words in row.seen) == (Status.WARNING, True)


def test_who_keeps_the_clock_is_named(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "comm").write_text("chronyd\n")

    assert "chronyd" in clock_rows(True, [], proc=tmp_path, now_s=NOON_2026_S)[0].seen


def test_a_core_that_is_not_there_fails_as_a_start_does(tmp_path: Path) -> None:
    asked = PerformanceSettings(cores=CoreSettings(inspect=[8000]))

    rows = list(core_rows(asked, [], sys=tmp_path))

    assert [(row.status, row.exit_code) for row in rows if row.name == "cores"] == [(Status.FAILED, 78)]


@pytest.mark.parametrize(("role", "statuses"), [("gpu", [Status.OK]), ("inspect", [Status.OK, Status.WARNING])])
def test_what_watches_the_gpu_stays_with_main(role: str, statuses: list[Status], tmp_path: Path) -> None:
    here, *_ = offered = sorted(os.sched_getaffinity(0))
    cores = CoreSettings(main=offered, inspect=[here], camera=[here])
    process = LineProcess(os.getpid(), role)

    rows = list(core_rows(PerformanceSettings(cores=cores), [process], sys=tmp_path))

    # On one core nobody can be on another.
    assert [row.status for row in rows if row.name == "cores"] == (statuses if len(offered) > 1 else [Status.OK])


@pytest.mark.parametrize(("governor", "status"), [("performance", Status.OK), ("powersave", Status.NOTE)])
def test_the_governor_is_told(governor: str, status: Status, tmp_path: Path) -> None:
    for core in os.sched_getaffinity(0):
        (tmp_path / f"devices/system/cpu/cpu{core}/cpufreq").mkdir(parents=True)
        (tmp_path / f"devices/system/cpu/cpu{core}/cpufreq/scaling_governor").write_text(f"{governor}\n")

    [row] = [row for row in core_rows(PerformanceSettings(), [], sys=tmp_path) if row.name == "governor"]

    assert (row.status, governor in row.seen) == (status, True)


@pytest.mark.parametrize(
    ("limit", "may", "status"),
    [("30", False, Status.OK), ("25", True, Status.WARNING), (None, True, Status.OK), (None, False, Status.WARNING)],
)
def test_a_priority_needs_the_right_of_the_unit_or_the_user(limit: str | None, may: bool, status: Status) -> None:
    assert priority_row(-10, may, limit).status is status


def test_a_configuration_that_everybody_may_write_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "line.yaml"
    file.write_text("")
    file.chmod(0o666)

    [row] = open_to_others("configuration", file)

    assert (row.status, row.next) == (Status.WARNING, f"sudo chmod o-w {file}")


def test_a_folder_above_counts_too_unless_only_owners_may_replace_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    (folder / "line.yaml").write_text("")
    folder.chmod(0o777)
    assert len(list(open_to_others("configuration", folder / "line.yaml"))) == 1

    folder.chmod(0o1777)
    assert list(open_to_others("configuration", folder / "line.yaml")) == []


def test_a_secret_that_others_may_read_fails_and_is_named(tmp_path: Path) -> None:
    for name, mode in (("server.key", 0o600), ("gate-1.key", 0o640), ("gate-1.pub", 0o644)):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(mode)

    [row] = secrets_open_to_others(tmp_path)

    assert (row.status, row.exit_code, "gate-1.key" in row.seen) == (Status.FAILED, 78, True)
