"""How long a line under systemd is away: a real systemd as process 1, the shipped unit, model and pictures.

    python -m benchmarks.service --times 5

It boots what tests/systemd boots, so it needs root, systemd and `unshare`. Moments are systemd's own and those of the
journal's entries: nobody polls while a line starts.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "systemd"))

from machine import Machine, why_not_here
from service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

WEIGHT = 64
"""What else runs here hardly counts."""
SETTLE_S = 3.0
"""The line is at work for so long before it is hit."""
WAIT_S = 30.0


@click.command()
@click.option("--times", default=5, show_default=True, help="Hits of each kind.")
def main(times: int) -> None:
    """Kill and freeze the main process of a line, and say how long it is away."""
    if why := why_not_here():
        raise click.ClickException(f"cannot be measured here: {why}")
    click.echo(f"load before: {os.getloadavg()[0]:.2f}, cores: {os.cpu_count()}")
    # In debug every verdict is an entry of the journal, with its moment.
    with Machine(WEIGHT) as machine, Service(machine, log="debug") as line:
        line.start()
        for name, hit in (("SIGKILL", "KILL"), ("freeze", "STOP")):
            found = [_hit(line, hit) for _ in range(times)]
            for place, what in enumerate(("READY", "the first verdict")):
                seconds = [one[place] for one in found]
                click.echo(
                    f"{name} to {what}: median {statistics.median(seconds):.2f} s, "
                    f"{min(seconds):.2f} to {max(seconds):.2f} s of {times}"
                )


def _hit(line: Service, signal: str) -> tuple[float, float]:
    """Hit main once; returns the seconds until READY and until the first verdict of the next main."""
    time.sleep(SETTLE_S)
    former, since_s = line.main_pid(), time.monotonic()
    line.signal(signal)
    ready_s = _await(lambda: _ready_s(line), since_s)
    verdict_s = _await(lambda: _verdict_s(line, former), since_s)
    return ready_s - since_s, verdict_s - since_s


def _ready_s(line: Service) -> float:
    return int(line.show("ActiveEnterTimestampMonotonic")) / 1e6


def _verdict_s(line: Service, former: int) -> float:
    match = f"_PID={line.main_pid()}"
    rows = line.events("verdict", match) if match not in ("_PID=0", f"_PID={former}") else []
    return int(rows[0]["__MONOTONIC_TIMESTAMP"]) / 1e6 if rows else 0.0


def _await(moment_s: Callable[[], float], since_s: float) -> float:
    """Return a moment once it is later than another one, looking seldom: looking takes time of the line's."""
    until_s = since_s + WAIT_S
    while (found_s := moment_s()) <= since_s:
        if time.monotonic() > until_s:
            raise click.ClickException(f"the line was not back within {WAIT_S:g} s")
        time.sleep(1.0)
    return found_s


if __name__ == "__main__":
    main()
