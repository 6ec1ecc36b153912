"""`camera simulate`: cameras at a desk, for rehearsing a whole line."""

from __future__ import annotations

import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edge_inspector.simulator.config import CameraConfig
    from edge_inspector.simulator.controls import Controls
    from edge_inspector.simulator.faults import Fault
    from edge_inspector.simulator.rehearsal import Simulation

REFRESH_S = 0.5


@click.command()
@click.option("--images", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Pictures of parts.")
@click.option("--rate", "parts_per_s", default=5.0, show_default=True, help="Parts per second past the sensor.")
@click.option("--pixel-format", default="Mono8", show_default=True, help="PFNC name.")
@click.option("--cameras", "n_cameras", type=click.IntRange(1, 4), default=1, show_default=True)
@click.option("--fault", "faults", multiple=True, metavar="NAME=K", help="Every K-th frame (see `--fault list`).")
@click.option("--for", "seconds", type=float, help="End after so many seconds; else with Ctrl-C.")
def simulate(
    images: Path | None, parts_per_s: float, pixel_format: str, n_cameras: int, faults: tuple[str, ...],
    seconds: float | None,
) -> None:  # fmt: skip
    """Let parts pass before simulated cameras, and say how a line sees them.

    The producer is compiled when it is first used: that needs a C compiler. Faults can be changed while a line runs,
    by another `Controls` on the same file (docs/reference/simulator.md).
    """
    from edge_inspector.simulator.config import CameraConfig, ConveyorConfig, SimulationConfig
    from edge_inspector.simulator.rehearsal import Simulation

    wanted = [_parsed(text) for text in faults]
    cameras = tuple(CameraConfig(f"SIM{n + 1:04}", pixel_format=pixel_format) for n in range(n_cameras))
    try:
        simulation = Simulation(SimulationConfig(cameras, (ConveyorConfig.at_rate(parts_per_s),)), images)
        with simulation:
            for name, every in wanted:
                for camera in simulation.controls.cameras:
                    camera.fail(name, every=every)
            click.echo(_instructions(simulation))
            _show(simulation.controls, seconds)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _parsed(text: str) -> tuple[Fault, int]:
    from edge_inspector.simulator.faults import Fault

    name, _, every = text.partition("=")
    known = ", ".join(fault.name.lower() for fault in Fault)
    if name.upper() not in Fault.__members__:
        raise click.UsageError(f"there is no fault {name!r}; there are {known}; write one as drop=50")
    if not every.isdigit() or int(every) < 1:
        raise click.UsageError(f"--fault {text}: write {name}=K, K from 1: every K-th frame has it")
    return Fault[name.upper()], int(every)


def _instructions(simulation: Simulation) -> str:
    from edge_inspector.simulator.controls import ENVIRONMENT

    views = [_view(camera, f"cam{place}") for place, camera in enumerate(simulation.config.cameras)]
    told = f"""Parts pass. In another terminal:

  export {ENVIRONMENT}={simulation.controls.path}
  edge-inspector camera list --cti simulator
  edge-inspector run --config my-line.yaml

with {"this camera" if len(views) == 1 else "these cameras, which see the same parts,"} in my-line.yaml:

{views[0]}"""
    if len(views) == 1:
        return told
    items = [textwrap.indent(view, "    ").replace("    ", "  - ", 1) for view in views[1:]]
    return "".join([told, "more_views:\n", *items])


def _view(camera: CameraConfig, name: str) -> str:
    """Return the block of one camera, as a configuration has it."""
    channels = 1 if camera.pixel_format.startswith("Mono") else 3
    return f"""camera:
  kind: genicam
  name: {name}
  cti: simulator
  serial: "{camera.serial}"
  pixel_format: {camera.pixel_format}
  frame: {{width: {camera.width}, height: {camera.height}, channels: {channels}}}
  preset: photo_eye
  trigger_count: {{source: counter}}
  features: {{CounterEventSource: Line0}}
"""


def _show(controls: Controls, seconds: float | None) -> None:
    ends = None if seconds is None else time.monotonic() + seconds
    is_live = sys.stdout.isatty()
    try:
        while ends is None or time.monotonic() < ends:
            if is_live:
                click.echo(f"\r{_counts(controls)}", nl=False)
            time.sleep(REFRESH_S if ends is None else min(REFRESH_S, max(0.0, ends - time.monotonic())))
    except KeyboardInterrupt:
        pass
    click.echo(("\r" if is_live else "") + _counts(controls))


def _counts(controls: Controls) -> str:
    cameras = "; ".join(
        f"camera {n + 1}: {'armed' if camera.is_acquiring else 'not armed'}, {camera.truth.edges} triggers, "
        f"{camera.truth.delivered} frames"
        for n, camera in enumerate(controls.cameras)
    )
    return f"parts {controls.conveyor.edges}; {cameras}  "
