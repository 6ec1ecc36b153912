"""How long a line takes from the start of its program to ready, and to its first verdict.

$ python benchmarks/start.py --config config/demo.yaml
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import click

from edge_inspector.client.subscriber import Subscriber
from edge_inspector.settings.load import load_line


def one_start(config: Path) -> tuple[float, float]:
    """Return seconds to the first ready heartbeat, and to the first verdict."""
    settings = load_line(config)
    command = [sys.executable, "-m", "edge_inspector.cli.main", "run", "--config", str(config)]
    ready_s = verdict_s = 0.0
    with Subscriber(settings.line, [settings.endpoints.signals]) as subscriber:
        began = time.monotonic()
        daemon = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while not (ready_s and verdict_s):
            message = subscriber.receive(timeout_s=1.0)
            now_s = time.monotonic() - began
            if message is not None and message.kind == "hb" and message.body["ready"]:
                ready_s = ready_s or now_s
            elif message is not None and message.kind == "verdict":
                verdict_s = verdict_s or now_s
        daemon.terminate()
        daemon.wait()
    return ready_s, verdict_s


@click.command()
@click.option("--config", required=True, type=click.Path(path_type=Path))
@click.option("--rounds", default=5, show_default=True)
def main(config: Path, rounds: int) -> None:
    """Print every start and the medians; a client hears of ready within its reconnect time, here 50 ms."""
    click.echo(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    starts = [one_start(config) for _ in range(rounds)]
    for ready_s, verdict_s in starts:
        click.echo(f"ready {ready_s:.2f} s   first verdict {verdict_s:.2f} s")
    ready, verdict = (statistics.median(column) for column in zip(*starts, strict=True))
    click.echo(f"median: ready {ready:.2f} s, first verdict {verdict:.2f} s")


if __name__ == "__main__":
    main()
