"""Cores and priorities: what the configuration asks for, and what there is."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from edge_inspector.doctor.processes import LineProcess
from edge_inspector.doctor.row import Row
from edge_inspector.settings.performance import PROCESSES, PerformanceSettings, missing_cores

_FIXED = "performance"
"""The governor that keeps a core at its highest clock."""


def core_rows(asked: PerformanceSettings, running: Sequence[LineProcess], sys: Path = Path("/sys")) -> Iterator[Row]:
    """Yield what there is to say of the cores.

    Args:
        asked: Of the configuration.
        running: Processes of the line; empty when none runs.
        sys: Where the kernel lists cores.
    """
    offered = sorted(os.sched_getaffinity(0))
    missing = [what for _, what in missing_cores(asked, offered)]
    for what in missing:
        yield Row.failed("cores", what, "name cores that are there", 78)
    named = [f"{name} {getattr(asked.cores, name)}" for name in PROCESSES if getattr(asked.cores, name)]
    if not missing:
        yield Row.ok("cores", f"{len(offered)} offered {offered}; asked for: {', '.join(named) or 'all, by all'}")
    yield from _places(asked, running)
    yield from _governor(offered, sys)


def priority_row(steps: int, may: bool, limit: str | None) -> Row:
    """Return whether a priority below 0 may be taken.

    Args:
        steps: The lowest that the configuration asks for.
        may: Whether who asks may take it.
        limit: LimitNICE of the unit; None where there is no unit.
    """
    if limit is not None:
        # As `systemctl show` says it, 30 is -10: 20 less the steps.
        allowed = 20 - int(limit) if limit.isdigit() else 0
        may, who = steps >= allowed, f"the unit allows {allowed}"
    else:
        who = "this user may" if may else "this user may not"
    seen = f"{steps} asked for; {who}"
    if may:
        return Row.ok("priority", seen)
    return Row.warning("priority", seen, f"write LimitNICE={steps} into the unit, or set performance.nice to 0")


def _places(asked: PerformanceSettings, running: Sequence[LineProcess]) -> Iterator[Row]:
    for process in running:
        # What watches the GPU has no cores of its own: it stays where main started it.
        wanted = getattr(asked.cores, process.role if process.role in PROCESSES else "main")
        with suppress(OSError):
            has = os.sched_getaffinity(process.pid)
            if wanted and has != set(wanted):
                seen = f"{process.role} (process {process.pid}) runs on {sorted(has)}, not on {sorted(wanted)}"
                yield Row.warning("cores", seen, "see CPUAffinity of the unit, and restart after a change of the file")


def _governor(offered: Sequence[int], sys: Path) -> Iterator[Row]:
    found: Counter[str] = Counter()
    for core in offered:
        with suppress(OSError):
            found[(sys / f"devices/system/cpu/cpu{core}/cpufreq/scaling_governor").read_text().strip()] += 1
    if not found:
        yield Row.note("governor", "this computer does not say how its cores are clocked (a virtual machine?)")
    elif set(found) == {_FIXED}:
        yield Row.ok("governor", f"{_FIXED} on all cores")
    else:
        seen = ", ".join(f"{name} on {n} cores" for name, n in sorted(found.items()))
        yield Row.note(
            "governor", seen, f"where a part now and then takes much longer: sudo cpupower frequency-set -g {_FIXED}"
        )
