"""`camera list` and `camera snap`: see a camera before a line runs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from edge_inspector.cli.options import config_option


@click.group()
def camera() -> None:
    """Look at cameras."""


@camera.command(name="list")
@click.option("--cti", required=True, metavar="FILE", help="GenTL producer (.cti); `viky` for the simulated one.")
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
def snap(config: Path, output: Path, timeout_s: float) -> None:
    """Save one picture, taken with the camera settings of a line. Exit code 69 when none comes."""
    from edge_inspector.app.rehearse import take_picture
    from edge_inspector.record.save import save_picture
    from edge_inspector.settings.load import load_line

    pixels = take_picture(load_line(config), timeout_s)
    save_picture(pixels, output)
    height, width, channels = pixels.shape
    click.echo(f"{output}: {width}x{height} px, {'grey' if channels == 1 else 'RGB'}, mean {pixels.mean():.0f} of 255")
