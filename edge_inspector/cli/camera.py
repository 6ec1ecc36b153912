"""`camera list`, `snap`, `baseline`, `simulate`: see a camera before a line runs."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import click

from edge_inspector.cli.options import config_option
from edge_inspector.cli.simulate import simulate


@click.group()
def camera() -> None:
    """Look at cameras."""


@camera.command(name="list")
@click.option(
    "--cti", required=True, metavar="FILE", help="GenTL producer (.cti); `viky` or `simulator` for a simulated one."
)
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def list_(cti: str, as_json: bool) -> None:
    """List the cameras that a GenTL producer offers. Exit code 69 when it cannot be loaded or offers none."""
    from edge_inspector.acquire.look import list_cameras
    from edge_inspector.core.errors import CameraNotFoundError

    found = list_cameras(cti)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(info) for info in found], indent=2))
    if not found:
        raise CameraNotFoundError(f"{cti} offers no camera; check power, cable and network, then ask again")
    if as_json:
        return
    rows = [[str(value) for value in dataclasses.astuple(info)] for info in found]
    heads = [field.name for field in dataclasses.fields(found[0])]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@camera.command()
@config_option
@click.option("--output", "-o", default="snap.png", type=click.Path(path_type=Path, dir_okay=False), show_default=True)
@click.option("--timeout", "timeout_s", default=10.0, show_default=True, help="Seconds to wait for a picture.")
@click.option("--regions", "has_regions", is_flag=True, help="Draw tiles, zones and what is ignored on it.")
def snap(config: Path, output: Path, timeout_s: float, has_regions: bool) -> None:
    """Save one picture, taken with the camera settings of a line. Exit code 69 when none comes."""
    from edge_inspector.app.rehearse import draw_regions, take_picture
    from edge_inspector.app.start import prepare
    from edge_inspector.record.save import save_picture
    from edge_inspector.settings.load import load_line

    ready = prepare(config) if has_regions else None  # mistakes in the regions are told before the camera is asked
    pixels = take_picture(load_line(config), timeout_s)
    save_picture(pixels if ready is None else draw_regions(ready, pixels), output)
    height, width, channels = pixels.shape
    click.echo(f"{output}: {width}x{height} px, {'grey' if channels == 1 else 'RGB'}, mean {pixels.mean():.0f} of 255")


@camera.command()
@config_option
@click.option("--frames", "n", default=50, show_default=True, type=click.IntRange(5, 10_000), help="Pictures to take.")
@click.option("--timeout", "timeout_s", default=10.0, show_default=True, help="Seconds to wait for each picture.")
def baseline(config: Path, n: int, timeout_s: float) -> None:
    """Record how the pictures look when all is well, so that a lost focus and a dim lamp are noticed.

    Takes pictures with the camera settings of a line that does not run now, good parts before it. Exit codes: 69 when
    the camera is not there or its pictures are black, saturated or stuck, 78 when they differ by more than the
    tolerances of the configuration.
    """
    from edge_inspector.app.baseline import baseline_sentences, record_baseline
    from edge_inspector.settings.load import load_line

    settings = load_line(config)
    with click.progressbar(length=n, label="taking pictures", file=sys.stderr) as bar:
        recorded = record_baseline(config, n, timeout_s, lambda _taken: bar.update(1))
    for sentence in baseline_sentences(recorded, settings):
        click.echo(sentence)


camera.add_command(simulate)
