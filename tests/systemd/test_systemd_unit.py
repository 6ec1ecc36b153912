"""The units say nothing that systemd does not understand, and what the programs rely on."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edge_inspector.cli.bridge import bridge
from edge_inspector.core.errors import BundleError, SettingsError, UsageError
from edge_inspector.run import supervise

FOLDER = Path(__file__).resolve().parents[2] / "systemd"
UNIT = FOLDER / "edge-inspector@.service"
BRIDGE = FOLDER / "edge-inspector-bridge-modbus@.service"
UNITS = (UNIT, BRIDGE)
PROGRAM = "/opt/edge-inspector/bin/edge-inspector"
AFTER_CHILDREN_S = 11.0
"""Evidence 5 s; 2 s each for bypass, service and metrics page."""


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


def verify(unit: Path, program: Path) -> tuple[int, str]:
    """Return what systemd-analyze says of a unit with another program; it returns 0 for keys it does not know."""
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit.write_text(unit.read_text().replace(PROGRAM, str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--generators=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def copied(folder: Path, unit: Path = UNIT) -> Path:
    return Path(shutil.copy(unit, folder / unit.name.replace("@", "@press-3")))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_has_nothing_to_say_about_the_units(tmp_path: Path) -> None:
    copied(tmp_path)  # the bridge names the line's

    assert [verify(copied(tmp_path, unit), tmp_path / "program") for unit in UNITS] == [(0, "")] * 2


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_would_say_so_if_a_key_were_misspelt(tmp_path: Path) -> None:
    unit = copied(tmp_path)
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchdogSecs="))

    assert "WatchdogSecs" in verify(unit, tmp_path / "program")[1]


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


def test_the_user_of_the_unit_is_one_that_sysusers_makes() -> None:
    rows = (FOLDER / "edge-inspector.sysusers").read_text().splitlines()
    made = {row.split()[1] for row in rows if row.startswith(("u ", "g "))}

    assert {one("User"), one("Group"), one("SupplementaryGroups")} <= made


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
    hardening = {key for key in line if key.startswith(("Protect", "Restrict", "Private", "NoNew", "Lock", "Capab"))}

    assert {key: line[key] for key in hardening - {"RestartPreventExitStatus"}}.items() <= bridge.items()
