"""The scripts that install and uninstall the service, on the booted computer."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from machine import PROGRAM, Machine, why_not_here

if TYPE_CHECKING:
    from conftest import MakeService

if why := why_not_here():
    pytest.skip(why, allow_module_level=True)

pytestmark = pytest.mark.timeout(180)
INSTALL, UNINSTALL = "/opt/edge-inspector/systemd/install", "/opt/edge-inspector/systemd/uninstall"


def test_what_install_has_made_belongs_to_whom_it_must(machine: Machine) -> None:
    assert machine.run("stat", "-c", "%U %a", "/etc/edge-inspector", "/etc/edge-inspector/keys").splitlines() == [
        "root 755",
        "edge-inspector 700",
    ]
    assert machine.run("getent", "passwd", "edge-inspector").endswith("nologin")
    assert "Installed" in machine.run(INSTALL), "a second time does no harm"


@pytest.mark.skipif(shutil.which("udevadm") is None, reason="udev is not installed")
def test_udev_understands_the_rule_for_usb_cameras(machine: Machine) -> None:
    rules = "/etc/udev/rules.d/70-edge-inspector.rules"
    shipped = machine.path(rules).read_text()

    try:
        said = machine.run("udevadm", "test", "--action=add", "/sys/class/mem/null")
        machine.write(rules, shipped.replace("GROUP=", "GRUOP="))
        would_say = machine.run("udevadm", "test", "--action=add", "/sys/class/mem/null", is_checked=False)
    finally:
        machine.write(rules, shipped)

    assert [row for row in said.splitlines() if row.startswith(rules)] == []
    assert f"Reading rules file: {rules}" in said
    assert [row for row in would_say.splitlines() if row.startswith(f"{rules}:2 Invalid key 'GRUOP'")]


def test_uninstalling_ends_the_lines_in_good_order_and_keeps_what_they_made(
    make_service: MakeService, machine: Machine
) -> None:
    line = make_service("kept").start()
    line.drop_in("[Service]\nLimitNOFILE=8192\n")
    line.ctl("enable")

    said = machine.run(UNINSTALL)

    try:
        assert "Kept" in said
        assert json.loads(machine.journal("LINE=kept", "EVENT=line_ended")[-1]["PRIORITY"]) == 6
        assert "could not be found" in line.ctl("status")
        for kept in (line.config, f"{line.state}/state/journal", PROGRAM, f"/etc/systemd/system/{line.unit}.d"):
            assert machine.run("ls", "-d", kept) == kept
        assert machine.run("find", "/etc/systemd", "-name", "edge-inspector*.service") == ""
    finally:
        machine.run(INSTALL)
