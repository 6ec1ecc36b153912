"""Checks of the computer below a line: clock, network, cores, and the service manager."""

from __future__ import annotations

from collections.abc import Iterator

from edge_inspector.acquire.host import HostCheck, host_checks
from edge_inspector.app.patient import Patient
from edge_inspector.app.planning import journal_plan
from edge_inspector.doctor.clock import clock_rows
from edge_inspector.doctor.cores import core_rows, priority_row
from edge_inspector.doctor.row import Row
from edge_inspector.doctor.sandbox import sandbox_rows
from edge_inspector.doctor.unit import Unit
from edge_inspector.run.clocksync import is_clock_synced
from edge_inspector.run.scheduling import may_raise
from edge_inspector.settings.camera import GenicamSettings

_REHEARSED = ("viky", "simulator")
_RESTARTS = 3
"""Started again more often than this since it was started by hand: something is wrong that comes back."""


def clock(patient: Patient) -> Iterator[Row]:
    """Look at the clock of day."""
    settings = patient.settings
    yield from clock_rows(is_clock_synced(), (settings.state_dir, journal_plan(settings).folder))


def host(patient: Patient) -> Iterator[Row]:
    """Compare what this computer is set to with what the cameras need."""
    real = [view.camera for view in patient.settings.views() if isinstance(view.camera, GenicamSettings)]
    if not any(camera.cti not in _REHEARSED for camera in real):
        yield Row.note("host", "no camera on a network or on USB is configured: nothing to set")
        return
    known = patient.transports - {""}
    for transport in sorted(known or {"GEV", "U3V"}):
        yield from _host_rows(host_checks(transport), "" if known else f" (for a {transport} camera)")


def _host_rows(checks: list[HostCheck], only_for: str) -> Iterator[Row]:
    for one in checks:
        name = f"host {one.name}"
        if one.ok:
            yield Row.ok(name, f"{one.found}, {one.wanted} is wanted{only_for}")
        else:
            row = Row.note if only_for else Row.warning
            yield row(name, f"{one.found}, {one.wanted} is wanted{only_for}: {one.why}", one.mend)


def cores(patient: Patient) -> Iterator[Row]:
    """Look at cores, their clock and priorities."""
    performance = patient.settings.performance
    yield from core_rows(performance, patient.processes)
    steps = min(performance.nice.inspect, performance.nice.camera)
    if steps < 0:
        limit = patient.unit["LimitNICE"] if isinstance(patient.unit, Unit) else None
        yield priority_row(steps, may_raise(steps), limit)


def unit(patient: Patient) -> Iterator[Row]:
    """Ask the service manager for the line's unit."""
    found = patient.unit
    if isinstance(found, str):
        yield Row.note("unit", found, "install it, and the line starts with the computer (docs: run as a service)")
        return
    enabled = found["UnitFileState"]
    seen = f"{found.name}: {found['ActiveState']} ({found['SubState']}), {enabled or 'not enabled'}, started again "
    seen += f"{found['NRestarts'] or 0} times" + (f"; {found['StatusText']}" if found["StatusText"] else "")
    n_restarts = int(found["NRestarts"]) if found["NRestarts"].isdigit() else 0
    if found["ActiveState"] == "failed":
        code = int(found["ExecMainStatus"]) if found["ExecMainStatus"].isdigit() else 70
        then = f"journalctl -u {found.name} -n 50 says why; mend it, then systemctl restart {found.name}"
        yield Row.failed(
            "unit", f"{seen}; result {found['Result']}, exit code {code}", then, code if code in range(1, 256) else 70
        )
    elif found["ActiveState"] == "active" and n_restarts > _RESTARTS:
        yield Row.warning("unit", seen, f"journalctl -u {found.name} -p warning says why it ended")
    elif found["ActiveState"] == "active" and enabled != "enabled":
        yield Row.warning(
            "unit", f"{seen}: it does not come back with the computer", f"sudo systemctl enable {found.name}"
        )
    elif found["ActiveState"] == "active":
        yield Row.ok("unit", seen)
    else:
        yield Row.note("unit", seen, f"sudo systemctl start {found.name}")
    yield from _unit_rows(found, patient)


def _unit_rows(found: Unit, patient: Patient) -> Iterator[Row]:
    if found.is_on("NeedDaemonReload"):
        yield Row.warning(
            "unit", f"{found.name} was changed on disk since systemd read it", "sudo systemctl daemon-reload"
        )
    asked = str(patient.asked.config.absolute())
    if asked not in found["ExecStart"]:
        then = f"name the unit that does with --unit, or ask with the configuration of {found.name}"
        yield Row.note("unit", f"{found.name} does not run {asked}", then)
    if names := [word.rpartition("/")[2] for word in found.words("DropInPaths")]:
        yield Row.ok("unit", f"drop-ins: {', '.join(names)}")


def sandbox(patient: Patient) -> Iterator[Row]:
    """Compare what the unit allows with what the configuration asks for."""
    if isinstance(patient.unit, Unit):
        yield from sandbox_rows(patient.unit, patient.settings)
