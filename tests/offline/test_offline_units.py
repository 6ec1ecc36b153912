"""A real systemd: units that ran come up with the new version, or run with the old one again."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_house import tiny_house

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "systemd"))

machine = pytest.importorskip("machine", reason="no systemd is booted here")
if why := machine.why_not_here():
    pytest.skip(why, allow_module_level=True)

ADMIN = "/opt/edge-inspector/edge-inspector-admin"
UNIT = "edge-inspector@press-3.service"
# The machine comes with the checkout as its program.
BARE = """
umount /opt/edge-inspector/* 2>/dev/null || true
rm -rf /opt/edge-inspector /etc/edge-inspector /etc/systemd/system/edge-inspector* /etc/*.d/*edge-inspector*
mkdir /etc/edge-inspector
systemctl daemon-reload
"""
PATH = f"PATH={Path(os.path.realpath(sys.executable)).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
pytestmark = [pytest.mark.offline, pytest.mark.timeout(300)]


@pytest.fixture
def pc() -> Iterator[machine.Machine]:
    with machine.Machine() as booted:
        booted.run("sh", "-ec", BARE)
        yield booted


def install(pc: machine.Machine, house: Path) -> str:
    there = pc.path(f"/var/{house.name}")
    shutil.copytree(house, there)
    return pc.run("env", PATH, "sh", f"/var/{house.name}/install", is_checked=False)


def what_runs(pc: machine.Machine) -> str:
    """Return the version that the unit's process comes from; empty when it is not active."""
    if pc.run("systemctl", "is-active", UNIT, is_checked=False) != "active":
        return ""
    pid = pc.run("systemctl", "show", "--property=MainPID", "--value", UNIT)
    return pc.path(f"/proc/{pid}/cmdline").read_text().split("/versions/")[1].split("/")[0]


def test_a_unit_that_does_not_start_with_the_new_version_runs_with_the_old_one(
    pc: machine.Machine, tmp_path: Path
) -> None:
    assert "6/6 0.1.0 runs" in install(pc, tiny_house(tmp_path / "old", "0.1.0"))
    pc.run("systemctl", "enable", "--now", UNIT)
    assert what_runs(pc) == "0.1.0"

    said = install(pc, tiny_house(tmp_path / "bad", "0.2.0", starts=False))

    assert "a unit did not start with 0.2.0 (systemctl status says why): going back to 0.1.0" in said
    assert said.splitlines()[-1].endswith("0.1.0 runs as before")
    assert what_runs(pc) == "0.1.0"
    assert "# 0.1.0" in pc.run("systemctl", "cat", UNIT)

    assert "6/6 0.3.0 runs" in install(pc, tiny_house(tmp_path / "good", "0.3.0"))
    assert what_runs(pc) == "0.3.0"
    assert "# 0.3.0" in pc.run("systemctl", "cat", UNIT)

    pc.run(ADMIN, "rollback")
    assert what_runs(pc) == "0.1.0"

    pc.run(ADMIN, "uninstall")
    assert what_runs(pc) == ""
    assert not list(pc.path("/etc/systemd/system").rglob("edge-inspector*"))
