"""Each check for itself: one that hangs, crashes or raises is a row, and the others are made all the same."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.tiny_bundle import write_tiny_bundle

from edge_inspector.app import doctor, examine_line
from edge_inspector.app.checkup import CHECKS, Asked, chosen
from edge_inspector.app.doctor import Visit, examine
from edge_inspector.app.examine import look
from edge_inspector.app.patient import Patient
from edge_inspector.doctor.row import Row, Status

ROOT = os.geteuid() == 0
NOBODY = 65534


def configuration(folder: Path, **sections: Any) -> Path:
    if not (folder / "bundle").exists():
        write_tiny_bundle(folder / "bundle", tile=(64, 64), channels=1)
    given = {
        "line": "app",
        "camera": {"kind": "synthetic", "frame": {"width": 64, "height": 64, "channels": 1}},
        "model": {"bundle": "bundle", "unsigned": "allow", "threads": 1},
        "endpoints": {name: f"ipc://{folder}/{name}" for name in ("signals", "telemetry", "service")},
        "metrics": {"port": None},
        "state_dir": "state",
    }
    file = folder / "line.yaml"
    file.write_text(yaml.safe_dump(given | sections))
    return file


@pytest.fixture
def short() -> Iterator[Path]:
    """Give a folder whose path is short enough for a Unix socket, and that other users may enter."""
    with tempfile.TemporaryDirectory(prefix="ei-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def by_name(rows: list[Row]) -> dict[str, Row]:
    return {row.name: row for row in rows}


def test_a_sound_line_has_no_failed_row(short: Path) -> None:
    rows = list(examine(Asked(configuration(short, evidence={"folder": "evidence", "quota_mb": 1, "min_free_mb": 0}))))

    assert [row for row in rows if row.status is Status.FAILED] == []
    known = {name for check in CHECKS for name in check.rows}
    assert {row.name.split()[0] for row in rows} <= known, "the reference page names what rows begin with"
    assert {"configuration", "versions", "bundle", "session", "camera cam0", "port signals", "state", "journal",
            "evidence", "clock", "cores", "unit"} <= {row.name for row in rows}  # fmt: skip


def test_every_check_has_a_function_of_its_name() -> None:
    assert [check.name for check in CHECKS if not callable(check.look())] == []


def test_the_checks_that_decide_the_exit_code_come_in_the_order_of_check() -> None:
    names = [check.name for check in CHECKS]

    assert [names.index(name) for name in ("configuration", "bundles", "keys", "sessions", "cameras")] == sorted(
        names.index(name) for name in ("configuration", "bundles", "keys", "sessions", "cameras")
    )


def test_a_wrong_configuration_leaves_what_does_not_depend_on_it(short: Path) -> None:
    file = short / "line.yaml"
    file.write_text("line: [\n")

    rows = list(examine(Asked(file)))

    assert [(row.name, row.exit_code) for row in rows if row.status is Status.FAILED] == [("configuration", 78)]
    assert {"versions", "unit"} <= {row.name for row in rows}


def test_a_check_that_hangs_is_given_up_and_the_others_are_made(short: Path) -> None:
    (short / "keys").mkdir(mode=0o700)
    os.mkfifo(short / "keys" / "authorized")  # whoever opens it waits for a writer that never comes
    config = configuration(short, endpoints={"signals": f"ipc://{short}/a", "curve": {"keys": "keys"}})

    rows = by_name(list(examine(Asked(config, camera=False, limit_s=3.0))))

    assert rows["keys"].status is Status.FAILED
    assert (rows["keys"].seen, rows["keys"].exit_code) == ("no answer in 3 s: given up", 78)
    assert {"session", "port signals", "cores"} <= rows.keys()


def test_a_check_that_crashes_its_process_is_named_and_the_others_are_made(short: Path) -> None:
    (short / "keys").mkdir(mode=0o700)
    os.mkfifo(short / "keys" / "authorized")
    config = configuration(short, endpoints={"curve": {"keys": "keys"}})
    visit = Visit(Asked(config), ["versions", "keys", "cores"])
    try:
        rows = visit.rows()
        next(rows)  # versions
        os.kill(visit._probe.pid, signal.SIGSEGV)  # it hangs in `keys`, or is about to
        crashed = list(rows)
    finally:
        visit.close()

    assert [(row.name, row.status, "SIGSEGV" in row.seen) for row in crashed] == [("keys", Status.FAILED, True)]
    assert visit.left == ["cores"]


def test_a_check_that_raises_is_a_row(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Patient) -> Iterator[Row]:
        raise ZeroDivisionError("by hand")
        yield

    monkeypatch.setattr(examine_line, "versions", broken)
    [check] = [check for check in CHECKS if check.name == "versions"]

    [row] = look(check, Patient(Asked(configuration(short))))

    assert (row.status, row.exit_code) == (Status.FAILED, 70)
    assert "ZeroDivisionError: by hand" in row.seen


def test_egress_looks_at_addresses_alone() -> None:
    names = [check.name for check in chosen(Asked(Path("x"), egress=True))]

    assert names == ["configuration", "line", "addresses", "sockets", "address_filter", "outside"]
    assert not {"addresses", "sockets"} & {check.name for check in chosen(Asked(Path("x")))}


def test_what_a_library_prints_is_no_answer(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONVERBOSE", "1")
    monkeypatch.setattr(doctor, "BEGIN_S", 30.0)
    visit = Visit(Asked(configuration(short)), ["versions"])
    try:
        assert [row.name for row in visit.rows()] == ["versions"]
    finally:
        visit.close()


@pytest.mark.skipif(not ROOT, reason="only root may become another user")
def test_root_writes_as_the_line_s_user(short: Path) -> None:
    for name, owner in (("state", NOBODY), ("evidence", 0)):
        (short / name).mkdir()
        shutil.chown(short / name, owner)
    config = configuration(short, evidence={"folder": "evidence", "quota_mb": 1, "min_free_mb": 0})

    rows = by_name(list(examine(Asked(config, camera=False))))

    # What root may write proves nothing.
    assert (rows["state"].status, "nobody" in rows["state"].seen) == (Status.OK, True)
    assert rows["evidence"].status is Status.FAILED
    assert "cannot be written by nobody: Permission denied" in rows["evidence"].seen
    assert os.geteuid() == 0


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_every_check_says_what_it_looks_at_and_has_a_limit(check: Any) -> None:
    assert check.looks_at
    assert 0 < check.limit_s <= 120
