"""Checks of the computer below a line: clock, network, cores, and the service manager."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from edge_inspector.acquire.host import HostCheck, host_checks
from edge_inspector.app.patient import Patient
from edge_inspector.app.planning import journal_plan
from edge_inspector.core.errors import JournalError
from edge_inspector.doctor.clock import clock_rows
from edge_inspector.doctor.cores import core_rows, priority_row
from edge_inspector.doctor.row import Row
from edge_inspector.doctor.sandbox import sandbox_rows
from edge_inspector.doctor.unit import Unit, unit_rows
from edge_inspector.run.clocksync import is_clock_synced
from edge_inspector.run.scheduling import may_raise
from edge_inspector.settings.camera import GenicamSettings
from edge_inspector.signal.journal_files import SegmentDamaged, newest_row, segment_files

_REHEARSED = ("viky", "simulator")


def clock(patient: Patient) -> Iterator[Row]:
    """Look at the clock of day, and at whose clock the newest trigger time is."""
    settings, folder = patient.settings, journal_plan(patient.settings).folder
    yield from clock_rows(is_clock_synced(), (settings.state_dir, folder))
    camera = settings.camera
    if isinstance(camera, GenicamSettings) and (source := _trigger_source(folder)) is not None:
        name = f"clock {camera.name}"
        if camera.clock == "auto" and source != "camera":
            then = "see the service's log, camera_clock_not_latched"
            yield Row.note(name, f"the newest trigger time is the {source}'s, though the camera's is asked for", then)
        else:
            yield Row.ok(name, f"the newest trigger time is the {source}'s, as configured ({camera.clock})")


def _trigger_source(folder: Path) -> str | None:
    """Return whose clock gave the newest time in the journal; None for none, and where it cannot be read."""
    for file in reversed(segment_files(folder)[-2:]):
        with suppress(SegmentDamaged, JournalError, sqlite3.Error, ValueError, KeyError):
            if (row := newest_row(file)) is not None:
                return str(json.loads(row[2])["t_trigger_source"])
    return None


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
    if isinstance(patient.unit, str):
        then = "install it, and the line starts with the computer (docs: run as a service)"
        yield Row.note("unit", patient.unit, then)
        return
    yield from unit_rows(patient.unit, patient.asked.config.absolute())


def sandbox(patient: Patient) -> Iterator[Row]:
    """Compare what the unit allows with what the configuration asks for."""
    if isinstance(patient.unit, Unit):
        yield from sandbox_rows(patient.unit, patient.settings)
