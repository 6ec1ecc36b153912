"""The clock of day, which labels and never decides: whether it is kept right, and whether it was set back."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from edge_inspector.doctor.row import Row

KEEPERS = ("chronyd", "ntpd", "systemd-timesyn", "ptp4l", "phc2sys", "ntpsec")
"""Names of processes that keep a clock, cut off at 15 letters as the kernel does."""
AHEAD_S = 60.0
"""What lies so far in the future was written before the clock was set back."""
_YEAR = 2024
"""A clock that says less was never set: this program is younger."""


def clock_rows(
    is_synced: bool, folders: Iterable[Path], proc: Path = Path("/proc"), now_s: float | None = None
) -> list[Row]:
    """Return what there is to say of the clock.

    Args:
        is_synced: As the kernel says it.
        folders: What the line wrote last lies in them; they need not be there.
        proc: Where processes are listed.
        now_s: The time; None for that of the clock.
    """
    now_s = time.time() if now_s is None else now_s
    keepers = sorted(keeper for keeper in _names(proc) if keeper in KEEPERS)
    by = f"kept by {', '.join(keepers)}" if keepers else "no program that keeps it was found"
    shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
    rows = []
    if time.gmtime(now_s).tm_year < _YEAR:
        rows.append(Row.warning("clock", f"{shown}: it was never set", "set it, and look at its battery"))
    elif is_synced:
        rows.append(Row.ok("clock", f"{shown}, synchronised; {by}"))
    else:
        then = (
            "let chrony keep it from a computer of the plant; verdicts are right all the same, their times may not be"
        )
        rows.append(Row.warning("clock", f"{shown}, not synchronised; {by}", then))
    newest_s, path = max(_written(folders), default=(0.0, None))
    if newest_s > now_s + AHEAD_S:
        seen = f"{path} was written {newest_s - now_s:.0f} s in the future: the clock was set back"
        rows.append(Row.warning("clock", seen, "nothing for the line; who sorts verdicts by time must know"))
    return rows


def _written(folders: Iterable[Path]) -> Iterable[tuple[float, Path | None]]:
    for folder in folders:
        with suppress(OSError):
            for path in folder.iterdir():
                with suppress(OSError):
                    yield path.stat().st_mtime, path


def _names(proc: Path) -> set[str]:
    found = set()
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                found.add((entry / "comm").read_text().strip())
    return found
