"""What `doctor` makes of what a line, its unit and its sockets say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_app_doctor import configuration

from edge_inspector.app import examine_computer, examine_egress, examine_folders, examine_line, examine_model
from edge_inspector.app.checkup import Asked
from edge_inspector.app.patient import Answers, Patient
from edge_inspector.doctor.egress import Findings, Held, Kind
from edge_inspector.doctor.processes import LineProcess
from edge_inspector.doctor.row import Status
from edge_inspector.doctor.unit import Unit
from edge_inspector.signal.journal_files import Label, make_segment
from edge_inspector.signal.journal_segment import finish_segment

MAIN, CAMERA = LineProcess(11, "main"), LineProcess(12, "camera")
HELLO = {"state": "ContinuousExecution", "ready": True, "hb_age_ms": 30, "lease_ms": 1000}
BEAT = {
    "triggers": 9, "passes": 5, "rejects": 4, "unknowns": 0, "faults": [], "last_frame_age_us": 50_000,
    "head_seq": 9, "durable_seq": 9,
}  # fmt: skip
DENIED = {"IPAddressDeny": "::/0 0.0.0.0/0"}
FAILED, WARNING = {Status.FAILED, Status.NOTE}, {Status.WARNING, Status.NOTE}
GENICAM = {
    "kind": "genicam",
    "cti": "/opt/maker/producer.cti",
    "serial": "42",
    "frame": {"width": 64, "height": 64, "channels": 1},
}


def patient(folder: Path, *, answers: Any = None, main: int | None = 11, **sections: Any) -> Patient:
    """Return a line of which the world outside says what a test wants."""
    found = Patient(Asked(configuration(folder, **sections)))
    vars(found).update(main=main, answers=answers, unit="systemd does not run here")
    return found


def answers(beat: dict[str, Any] | None = None, **hello: Any) -> Answers:
    return Answers(HELLO | hello, {"heartbeat": BEAT | (beat or {})})


@pytest.mark.parametrize(
    ("told", "status", "exit_code", "words"),
    [
        (answers(), Status.OK, 0, "9 parts: 5 pass, 4 reject"),
        (answers({"faults": ["camera"]}, ready=False), Status.FAILED, 69, "faults: camera"),
        (answers({"faults": ["model"]}, ready=False), Status.FAILED, 70, "faults: model"),
        (answers({"faults": ["of a later version"]}, ready=False), Status.FAILED, 70, "of a later version"),
        (answers(ready=False, hb_age_ms=5000), Status.FAILED, 70, "over the lease of 1000 ms"),
        (Answers(HELLO | {"ready": False}, {"heartbeat": None}), Status.FAILED, 70, "no heartbeat yet"),
        ("ipc:///service gave no answer in 2 s", Status.FAILED, 70, "gave no answer"),
    ],
    ids=["ready", "camera", "model", "unknown", "late", "starting", "silent"],
)
def test_a_running_line_is_judged_by_what_it_says(
    told: Any, status: Status, exit_code: int, words: str, tmp_path: Path
) -> None:
    [row] = examine_line.line(patient(tmp_path, answers=told))

    assert (row.status, row.exit_code, words in row.seen) == (status, exit_code, True)
    assert bool(row.next) is (status is not Status.OK)


@pytest.mark.parametrize(
    ("beat", "camera", "session"),
    [
        ({}, Status.OK, Status.OK),
        ({"last_frame_age_us": -1}, Status.OK, Status.OK),
        ({"faults": ["camera_stalled"]}, Status.FAILED, Status.OK),
        ({"faults": ["model"]}, Status.OK, Status.FAILED),
    ],
)
def test_what_the_line_holds_is_as_good_as_it_says(
    beat: dict[str, Any], camera: Status, session: Status, tmp_path: Path
) -> None:
    line = patient(tmp_path, answers=answers(beat))

    assert [row.status for row in examine_model.cameras(line)] == [camera]
    assert [row.status for row in examine_model.sessions(line)] == [session]


def test_a_line_that_is_not_asked_leaves_notes(tmp_path: Path) -> None:
    line = patient(tmp_path, answers="the endpoints are encrypted")

    assert [row.status for row in (*examine_model.cameras(line), *examine_model.sessions(line))] == [Status.NOTE] * 2


@pytest.mark.parametrize(
    ("values", "status", "words"),
    [
        ({}, Status.WARNING, "may speak to anybody"),
        ({"IPAddressDeny": "::/0"}, Status.WARNING, "IPAddressDeny is ::/0"),
        (DENIED, Status.OK, "all is denied but this computer"),
        (DENIED | {"IPAddressAllow": "127.0.0.0/8 10.1.0.0/24"}, Status.OK, "10.1.0.0/24"),
        ({"PrivateNetwork": "yes"}, Status.OK, "PrivateNetwork"),
    ],
    ids=["none", "half", "tight", "camera", "no-network"],
)
def test_the_filter_of_the_unit_is_told(values: dict[str, str], status: Status, words: str, tmp_path: Path) -> None:
    line = patient(tmp_path)
    vars(line)["unit"] = Unit("edge-inspector@app.service", values)

    [row] = examine_egress.address_filter(line)

    assert (row.status, words in row.seen) == (status, True)


@pytest.mark.parametrize(
    ("held", "hidden", "statuses", "words"),
    [
        ((Held(MAIN, Kind.LISTENS, "tcp 127.0.0.1:5560 (signals)"),), (), {Status.OK}, "none that is not named"),
        ((Held(CAMERA, Kind.UNNAMED, "tcp 10.0.0.1:4 -> 192.0.2.1:80"),), (), FAILED, "NOT NAMED: camera"),
        ((Held(MAIN, Kind.HERE, "tcp 127.0.0.1:4 -> 127.0.0.1:25"),), (), WARNING, "on this computer"),
        (
            (Held(CAMERA, Kind.CAMERA, "udp 10.1.0.1:4 -> 10.1.0.2:3956"),),
            (),
            {Status.OK, Status.NOTE},
            "the producer's",
        ),
        ((), (CAMERA,), WARNING, "CAP_SYS_PTRACE"),
    ],
    ids=["sound", "leaves", "here", "camera", "hidden"],
)
def test_each_kind_of_socket_is_a_row_of_its_own(
    held: tuple[Held, ...], hidden: tuple[LineProcess, ...], statuses: set[Status], words: str
) -> None:
    rows = list(examine_egress.socket_rows(Findings(held, 9, 0, 0, hidden), 2))

    assert {row.status for row in rows} == statuses
    assert any(words in row.seen for row in rows)


def test_a_camera_on_a_network_is_named_as_what_no_address_is_known_of(tmp_path: Path) -> None:
    rows = {row.name: row for row in examine_egress.addresses(patient(tmp_path, camera=GENICAM))}

    assert rows["connects"].status is Status.NOTE
    assert "/opt/maker/producer.cti" in rows["connects"].seen


def test_host_settings_are_looked_at_where_a_camera_needs_them(tmp_path: Path) -> None:
    drawn = patient(tmp_path)
    assert [row.name for row in examine_computer.host(drawn)] == ["host"]

    real = patient(tmp_path, camera=GENICAM)
    unknown = list(examine_computer.host(real))
    real.transports.add("GEV")
    known = [row.name for row in examine_computer.host(real)]

    assert {"host net.core.rmem_max", "host net.core.netdev_max_backlog"} <= set(known)
    assert "host usbcore.usbfs_memory_mb" in {row.name for row in unknown} - set(known)
    # What may not be needed at all is no warning.
    assert {row.status for row in unknown} <= {Status.OK, Status.NOTE}


def test_a_journal_is_read_without_a_file_beside_it(tmp_path: Path) -> None:
    line = patient(tmp_path, main=None)
    folder = tmp_path / "state" / "journal"
    folder.mkdir(parents=True)
    finished = make_segment(folder, 1, Label("app", 7, 1, "boot"))
    finish_segment(finished, is_clean=True)

    def first_row() -> tuple[Status, str]:
        row = next(iter(examine_folders.journal(line)))
        return row.status, row.seen

    status, seen = first_row()
    assert (status, "no verdict yet, whole" in seen) == (Status.OK, True)
    make_segment(folder, 2, Label("app", 7, 1, "boot"))  # a kill came right after: it may have a log, and has none
    names = sorted(path.name for path in folder.iterdir())

    assert finished.path.name in first_row()[1]
    finished.path.unlink()
    assert first_row()[0] is Status.NOTE

    assert sorted(path.name for path in folder.iterdir()) == [name for name in names if name != finished.path.name]


def test_a_line_that_does_not_run_holds_nothing(tmp_path: Path) -> None:
    [row] = examine_egress.sockets(patient(tmp_path, main=None))

    assert (row.status, "holds nothing" in row.seen) == (Status.NOTE, True)
