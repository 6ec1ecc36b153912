"""What systemd says of a unit, and whether that unit allows what a configuration asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_inspector.doctor.cores import priority_row
from edge_inspector.doctor.row import Row, Status
from edge_inspector.doctor.sandbox import denies_all, leaves_computer, sandbox_rows, writable
from edge_inspector.doctor.unit import Unit, parse_show, unit_name, unit_of, unit_rows
from edge_inspector.settings.line import LineSettings

TIGHT = {
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "StateDirectory": "edge-inspector/press-3",
    "IPAddressDeny": "::/0 0.0.0.0/0",
    "IPAddressAllow": "127.0.0.0/8 ::1/128",
    "DevicePolicy": "closed",
    "MemoryDenyWriteExecute": "yes",
}
SHOWN = """\
MainPID=0
StatusText=
Result=exit-code
NRestarts=6
ExecMainStatus=78
ExecStart={ path=/opt/edge-inspector/bin/edge-inspector ; argv[]=/opt/edge-inspector/bin/edge-inspector run --config \
/etc/edge-inspector/press-3.yaml ; ignore_errors=no ; pid=133 ; code=exited ; status=78 }
DevicePolicy=closed
DeviceAllow=/dev/null rw
DeviceAllow=char-usb_device rw
IPAddressAllow=::1/128 192.168.10.0/24 127.0.0.0/8
IPAddressDeny=0.0.0.0/0 ::/0
LimitNICE=30
User=edge-inspector
DynamicUser=yes
ReadWritePaths=-/data/evidence /srv
ProtectSystem=strict
StateDirectory=edge-inspector/press-3
LoadState=loaded
ActiveState=activating
SubState=auto-restart
DropInPaths=/etc/systemd/system/edge-inspector@.service.d/egress.conf
UnitFileState=enabled
NeedDaemonReload=no
"""
"""As systemd 252 writes it, for a unit that ends at each start and loosens some of its sandbox."""
RUNS = Path("/etc/edge-inspector/press-3.yaml")
BELOW = "/var/lib/edge-inspector/press-3"
GENICAM = {
    "kind": "genicam",
    "cti": "/opt/maker/producer.cti",
    "serial": "1",
    "frame": {"width": 64, "height": 64, "channels": 1},
}
DRAWN = {"kind": "synthetic", "frame": {"width": 64, "height": 64, "channels": 1}}


def settings(**sections: Any) -> LineSettings:
    given = {"line": "press-3", "camera": DRAWN, "model": {"bundle": "/opt/bundle"}, "state_dir": f"{BELOW}/state"}
    return LineSettings.model_validate(given | sections)


def rows(unit: dict[str, str], line: LineSettings) -> list[Row]:
    return sandbox_rows(Unit("edge-inspector@press-3.service", TIGHT | unit), line)


def test_a_line_below_its_own_folder_fits() -> None:
    [row] = rows({}, settings(evidence={"folder": f"{BELOW}/evidence"}))

    assert row.status is Status.OK


@pytest.mark.parametrize(
    ("unit", "sections", "words"),
    [
        ({}, {"evidence": {"folder": "/data/evidence"}}, ["evidence.folder", "/data/evidence", "ProtectSystem"]),
        ({}, {"journal": {"folder": "/data/journal"}}, ["journal.folder", "ProtectSystem"]),
        ({}, {"model": {"bundle": "/home/me/bundle"}}, ["model.bundle", "ProtectHome"]),
        ({}, {"model": {"bundle": "/tmp/bundle"}}, ["model.bundle", "PrivateTmp"]),
        ({}, {"model": {"bundle": "/opt/b", "provider": "cuda"}}, ["cuda", "MemoryDenyWriteExecute", "DevicePolicy"]),
        ({}, {"model": {"bundle": "/opt/b", "provider": "openvino"}}, ["openvino", "MemoryDenyWriteExecute"]),
        ({}, {"endpoints": {"signals": "tcp://*:5560", "curve": {"keys": "/k"}}}, ["tcp://*:5560", "IPAddressDeny"]),
    ],
    ids=["evidence", "journal", "home", "tmp", "gpu", "openvino", "clients"],
)
def test_what_the_unit_keeps_from_the_line_fails(unit: dict[str, str], sections: Any, words: list[str]) -> None:
    [row] = [row for row in rows(unit, settings(**sections)) if row.status is Status.FAILED]

    assert [word for word in words if word not in row.seen] == []


@pytest.mark.parametrize(
    ("unit", "sections"),
    [
        ({"ReadWritePaths": "/data/evidence"}, {"evidence": {"folder": "/data/evidence/press-3"}}),
        ({"ProtectSystem": "full"}, {"evidence": {"folder": "/data/evidence"}}),
        (
            {"MemoryDenyWriteExecute": "no", "DeviceAllow": "/dev/nvidia0 rw /dev/nvidiactl rw"},
            {"model": {"bundle": "/opt/b", "provider": "cuda"}},
        ),
        ({"MemoryDenyWriteExecute": "no"}, {"model": {"bundle": "/opt/b", "provider": "openvino"}}),
        (
            {"IPAddressAllow": "127.0.0.0/8 192.168.10.0/24"},
            {"endpoints": {"signals": "tcp://192.168.10.5:5560", "curve": {"keys": "/k"}}},
        ),
    ],
    ids=["read-write", "not-strict", "gpu", "openvino", "network"],
)
def test_a_drop_in_makes_it_fit(unit: dict[str, str], sections: Any) -> None:
    assert [row.status for row in rows(unit, settings(**sections))] == [Status.OK]


def test_a_camera_behind_the_address_filter_is_a_warning_since_it_may_be_on_usb() -> None:
    found = rows({"DeviceAllow": "char-usb_device rw"}, settings(camera=GENICAM))

    assert [row.status for row in found] == [Status.WARNING]
    assert "egress.conf" in found[0].next


def test_a_user_made_at_each_start_has_its_folder_in_private_too() -> None:
    unit = Unit("u", {"StateDirectory": "edge-inspector/a:link", "DynamicUser": "yes", "User": "edge-inspector"})

    assert Path("/var/lib/private/edge-inspector/a") in writable(unit)
    assert Path("/var/lib/edge-inspector/a") in writable(unit)
    assert unit.user == ""


def test_the_unit_has_the_configuration_s_name() -> None:
    assert unit_name(Path("/etc/edge-inspector/press-3.yaml")) == "edge-inspector@press-3.service"


def test_lists_over_several_lines_are_one() -> None:
    assert parse_show("IPAddressAllow=127.0.0.0/8\nIPAddressAllow=::1/128\nUser=\n") == {
        "IPAddressAllow": "127.0.0.0/8 ::1/128",
        "User": "",
    }


def test_without_systemd_there_is_a_reason_instead_of_a_unit(tmp_path: Path) -> None:
    assert unit_of("edge-inspector@press-3", running=tmp_path / "absent") == "systemd does not run here"


def systemctl(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    program = folder / "systemctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def test_what_systemd_says_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = systemctl(tmp_path, monkeypatch, "echo LoadState=loaded; echo ActiveState=active; echo NRestarts=2")

    unit = unit_of("edge-inspector@press-3", running=here)

    assert isinstance(unit, Unit)
    assert (unit.name, unit["NRestarts"], unit["Nothing"]) == ("edge-inspector@press-3.service", "2", "")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo LoadState=not-found", "is not installed"),
        ("echo no bus >&2; exit 1", "ended with 1: no bus"),
        ("exec sleep 30", "gave no answer in 0.3 s"),
    ],
)
def test_a_service_manager_without_an_answer_is_told(
    script: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.doctor.unit.ANSWER_S", 0.3)

    told = unit_of("edge-inspector@press-3", running=systemctl(tmp_path, monkeypatch, script))

    assert isinstance(told, str)
    assert words in told


def test_what_a_real_systemd_writes_is_understood() -> None:
    unit = Unit("edge-inspector@press-3.service", parse_show(SHOWN))

    assert denies_all(unit)
    assert list(map(str, leaves_computer(unit))) == ["192.168.10.0/24"]
    assert "char-usb_device rw" in unit["DeviceAllow"]
    assert {Path("/data/evidence"), Path("/srv"), Path("/var/lib/private/edge-inspector/press-3")} <= set(
        writable(unit)
    )
    assert priority_row(-10, False, unit["LimitNICE"]).status is Status.OK
    assert priority_row(-11, True, unit["LimitNICE"]).status is Status.WARNING


ACTIVE = {"ActiveState": "active", "SubState": "running", "NRestarts": "0"}


@pytest.mark.parametrize(
    ("changed", "status", "exit_code", "words"),
    [
        ({}, Status.FAILED, 78, "exit code 78"),
        ({"ExecMainStatus": "9"}, Status.FAILED, 70, "exit code 9"),
        ({"ActiveState": "failed", "SubState": "failed", "ExecMainStatus": "66"}, Status.FAILED, 66, "exit code 66"),
        ({"ActiveState": "inactive", "SubState": "dead"}, Status.NOTE, 0, "inactive"),
        (ACTIVE | {"NRestarts": "6"}, Status.WARNING, 0, "started again 6 times"),
        (ACTIVE | {"StatusText": "ready; 12 parts"}, Status.OK, 0, "it says: ready; 12 parts"),
        (ACTIVE | {"UnitFileState": "disabled"}, Status.WARNING, 0, "does not come back"),
    ],
    ids=["ends-at-each-start", "killed", "failed", "stopped", "restarts", "sound", "not-enabled"],
)
def test_each_state_of_a_unit_is_told(changed: dict[str, str], status: Status, exit_code: int, words: str) -> None:
    first, *rest = unit_rows(Unit("edge-inspector@press-3.service", parse_show(SHOWN) | changed), RUNS)

    assert (first.status, first.exit_code, words in first.seen) == (status, exit_code, True)
    assert bool(first.next) is (status is not Status.OK)
    assert [row.seen for row in rest] == ["drop-ins: egress.conf"]


def test_a_unit_of_another_configuration_or_not_read_again_is_told() -> None:
    unit = Unit("edge-inspector@press-3.service", parse_show(SHOWN) | {"NeedDaemonReload": "yes"})

    seen = [row.seen for row in unit_rows(unit, Path("/etc/edge-inspector/press-4.yaml"))]

    assert any("was changed since systemd read it" in each for each in seen)
    assert any("does not run /etc/edge-inspector/press-4.yaml" in each for each in seen)
