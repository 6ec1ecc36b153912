"""The units say nothing that systemd does not understand, and what the programs rely on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from edge_inspector.acquire.host import BACKLOG_PACKETS, RMEM_BYTES
from edge_inspector.cli.bridge import bridge
from edge_inspector.core.errors import BundleError, SettingsError, UsageError
from edge_inspector.run import supervise
from edge_inspector.signal.keys import CREDENTIAL

FOLDER = Path(__file__).resolve().parents[2] / "systemd"
UNIT = FOLDER / "edge-inspector@.service"
BRIDGE = FOLDER / "edge-inspector-bridge-modbus@.service"
UNITS = (UNIT, BRIDGE)
DROP_INS = sorted((FOLDER / "drop-ins").glob("*.conf"))
PROGRAM = "/opt/edge-inspector/bin/edge-inspector"
MOST_EXPOSED = 1.5
"""Of 10, as `systemd-analyze security` counts it."""
AFTER_CHILDREN_S = 11.0
"""Evidence 5 s; 2 s each for bypass, service and metrics page."""

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")


def settings(unit: Path = UNIT) -> dict[str, list[str]]:
    """Return every value of each key, in order."""
    found: dict[str, list[str]] = {}
    for row in unit.read_text().splitlines():
        if "=" in row and not row.startswith("#"):
            key, _, value = row.partition("=")
            found.setdefault(key, []).append(value)
    return found


def one(key: str, unit: Path = UNIT) -> str:
    [value] = settings(unit)[key]
    return value


def verify(units: Iterable[Path], program: Path) -> tuple[int, str]:
    """Return what systemd-analyze says of units with another program; it returns 0 for keys it does not know."""
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in units:
        unit.write_text(unit.read_text().replace(PROGRAM, str(program)))
    return analyze("verify", "--man=no", "--generators=no", *map(str, units))


def analyze(*words: str) -> tuple[int, str]:
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=50, check=False)
    return done.returncode, done.stdout + done.stderr


def copied(folder: Path, unit: Path = UNIT, drop_ins: Iterable[Path] = (), instance: str = "press-3") -> Path:
    copy = Path(shutil.copy(unit, folder / unit.name.replace("@", f"@{instance}")))
    for drop_in in drop_ins:
        target = folder / f"{copy.name}.d"
        target.mkdir(exist_ok=True)
        shutil.copy(drop_in, target)
    return copy


@needs_systemd
def test_systemd_has_nothing_to_say_about_the_units(tmp_path: Path) -> None:
    units = [copied(tmp_path, unit) for unit in UNITS]  # the bridge names the line's

    assert verify(units, tmp_path / "program") == (0, "")


@needs_systemd
def test_systemd_has_nothing_to_say_about_the_drop_ins(tmp_path: Path) -> None:
    units = [copied(tmp_path, drop_ins=[drop_in], instance=drop_in.stem) for drop_in in DROP_INS]

    assert len(units) == 6
    assert verify(units, tmp_path / "program") == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_little_is_open_to_a_service(unit: Path) -> None:
    code, said = analyze(
        "security", "--offline=true", f"--threshold={round(MOST_EXPOSED * 10)}", "--no-pager", str(unit)
    )

    assert code == 0, said


@needs_systemd
def test_systemd_would_say_so_if_a_key_were_misspelt(tmp_path: Path) -> None:
    unit = copied(tmp_path, drop_ins=DROP_INS)
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchdogSecs="))
    with (tmp_path / f"{unit.name}.d" / "usb.conf").open("a") as file:
        file.write("DevicesAllow=none\n")

    said = verify([unit], tmp_path / "program")[1]

    assert "WatchdogSecs" in said
    assert "DevicesAllow" in said, "drop-ins are not read"


def test_what_a_person_must_repair_is_not_started_again_and_all_else_for_ever() -> None:
    stays_down = {int(code) for code in one("RestartPreventExitStatus").split()}

    assert stays_down == {UsageError.exit_code, BundleError.exit_code, SettingsError.exit_code}
    assert (one("Restart"), one("StartLimitIntervalSec")) == ("always", "0")


def test_the_stop_takes_as_long_as_the_program_may_need() -> None:
    needs_s = supervise.DISARM_S + supervise.JUDGE_S + supervise.CLOSE_S + AFTER_CHILDREN_S

    assert float(one("TimeoutStopSec")) >= needs_s


def test_the_unit_runs_the_configuration_of_its_line_and_tells_main_alone() -> None:
    assert one("ExecStart") == f"{PROGRAM} run --config /etc/edge-inspector/%i.yaml"
    assert (one("Type"), one("NotifyAccess"), one("KillMode")) == ("notify", "main", "mixed")


def test_the_users_of_the_units_are_those_that_sysusers_makes() -> None:
    rows = (FOLDER / "edge-inspector.sysusers.conf").read_text().splitlines()
    made = {row.split()[1] for row in rows if row.startswith(("u ", "g "))}
    usb = one("SupplementaryGroups", FOLDER / "drop-ins" / "usb.conf")

    assert {one("User"), one("Group"), one("User", BRIDGE), one("Group", BRIDGE), usb} <= made


def test_a_drop_in_opens_what_the_unit_keeps_shut_and_says_why() -> None:
    unopened = {path.name for path in DROP_INS if "# Opened: " not in path.read_text()}

    assert {path.name for path in DROP_INS} == {
        f"{name}.conf" for name in ("egress", "gpu", "keys", "openvino", "realtime", "usb")
    }
    assert unopened == {"keys.conf"}  # it gives a key, and opens nothing


def test_the_key_of_the_drop_in_is_the_one_that_the_program_looks_for() -> None:
    name, _, source = one("LoadCredential", FOLDER / "drop-ins" / "keys.conf").partition(":")

    assert (name, source) == (CREDENTIAL, "/etc/edge-inspector/%i.server.key")


def test_the_unit_asks_no_more_of_the_memory_of_the_computer_than_it_has() -> None:
    assert one("MemoryMax").endswith("%")
    assert "MemoryMax" not in {key for path in DROP_INS for key in settings(path)}


def test_the_kernel_s_settings_are_at_least_those_that_check_asks_for() -> None:
    rows = (row.split("=") for row in (FOLDER / "edge-inspector.sysctl.conf").read_text().splitlines() if "=" in row)
    given = {key.strip(): int(value) for key, value in rows}

    assert given["net.core.rmem_max"] >= RMEM_BYTES
    assert given["net.core.netdev_max_backlog"] >= BACKLOG_PACKETS
    assert given["net.ipv4.conf.all.rp_filter"] == 2


@pytest.mark.parametrize("script", ["install", "uninstall"])
def test_a_script_is_one_that_any_shell_reads(script: str) -> None:
    path = FOLDER / script

    assert os.access(path, os.X_OK)
    assert subprocess.run(["sh", "-n", str(path)], capture_output=True, timeout=20, check=True).stderr == b""


def test_installing_below_another_root_puts_every_file_where_systemd_looks(tmp_path: Path) -> None:
    subprocess.run([FOLDER / "install"], env=os.environ | {"DESTDIR": str(tmp_path)}, timeout=20, check=True)

    made = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {
        "etc/systemd/system/edge-inspector@.service": UNIT.read_text(),
        "etc/systemd/system/edge-inspector-bridge-modbus@.service": BRIDGE.read_text(),
        "etc/sysusers.d/edge-inspector.conf": (FOLDER / "edge-inspector.sysusers.conf").read_text(),
        "etc/tmpfiles.d/edge-inspector.conf": (FOLDER / "edge-inspector.tmpfiles.conf").read_text(),
        "etc/sysctl.d/60-edge-inspector.conf": (FOLDER / "edge-inspector.sysctl.conf").read_text(),
        "etc/udev/rules.d/70-edge-inspector.rules": (FOLDER / "edge-inspector.rules").read_text(),
    }


def test_a_bridge_is_started_again_but_for_what_a_person_must_repair_and_needs_no_line() -> None:
    stays_down = {int(code) for code in one("RestartPreventExitStatus", BRIDGE).split()}

    assert stays_down == {UsageError.exit_code, SettingsError.exit_code}
    assert (one("Restart", BRIDGE), one("StartLimitIntervalSec", BRIDGE)) == ("always", "0")
    assert not {"Requires", "Wants", "BindsTo", "PartOf", "Requisite"} & settings(BRIDGE).keys()


def test_the_bridge_is_the_verb_of_the_program_for_the_line_s_configuration() -> None:
    program, *words = one("ExecStart", BRIDGE).split()
    options = {name for option in bridge.commands["modbus"].params for name in option.opts}

    assert program == PROGRAM
    assert words == [
        "bridge", "modbus", "--config", "/etc/edge-inspector/%i.yaml", "$BRIDGE_KEY", "$BRIDGE_OPTIONS"
    ]  # fmt: skip
    assert {"--config", "--key", "--listen"} <= options


def test_the_bridge_may_do_nothing_that_the_line_may_not() -> None:
    line, bridge = settings(), settings(BRIDGE)
    kinds = (
        "Protect",
        "Restrict",
        "Private",
        "NoNew",
        "Lock",
        "Capab",
        "Ambient",
        "Memory",
        "Device",
        "IPAddress",
        "Keyring",
    )
    hardening = {key for key in line if key.startswith(kinds)} - {"RestartPreventExitStatus", "MemoryMax"}

    assert {key: line[key] for key in hardening}.items() <= bridge.items()
    assert set(bridge["SystemCallFilter"]) < set(line["SystemCallFilter"])
