"""How evenly a line's heartbeat comes, idle and while the model never rests.

$ python benchmarks/heartbeat.py --config config/demo.yaml
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import yaml

from edge_inspector.client.subscriber import Subscriber
from edge_inspector.settings.load import load_line

CASES = {"idle": {"rate_hz": 0.1}, "full load": {"rate_hz": None}}


def gaps_ms(config: Path, beats: int) -> list[float]:
    """Return the times between heartbeats of a ready line, as a client receives them."""
    settings = load_line(config)
    found: list[float] = []
    with Subscriber(settings.line, [settings.endpoints.signals]) as subscriber:
        command = [sys.executable, "-m", "edge_inspector.cli.main", "run", "--config", str(config)]
        daemon = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        before_s: float | None = None
        while len(found) < beats:
            message = subscriber.receive(timeout_s=1.0)
            if message is None or message.kind != "hb" or not message.body["ready"]:
                continue
            now_s = time.monotonic()
            if before_s is not None:
                found.append(1000 * (now_s - before_s))
            before_s = now_s
        daemon.terminate()
        daemon.wait()
    return sorted(found)


def with_camera(values: dict[str, Any], changes: dict[str, Any], folder: Path) -> Path:
    """Write a configuration without evidence and with another rate; return its path."""
    values = {key: value for key, value in values.items() if key != "evidence"}
    values |= {"camera": values["camera"] | changes, "state_dir": str(folder / "state")}
    path = folder / "line.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@click.command()
@click.option("--config", required=True, type=click.Path(path_type=Path), help="A line with a replay camera.")
@click.option("--beats", default=200, show_default=True)
def main(config: Path, beats: int) -> None:
    """Print the period's median, 99th percentile and largest, in ms."""
    values = load_line(config).model_dump(mode="json", exclude_unset=True)
    for name, changes in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            gaps = gaps_ms(with_camera(values, changes, Path(folder)), beats)
        p99 = gaps[int(0.99 * len(gaps))]
        click.echo(f"{name:<10} p50 {gaps[len(gaps) // 2]:.1f}  p99 {p99:.1f}  max {gaps[-1]:.1f} ms of {len(gaps)}")


if __name__ == "__main__":
    main()
