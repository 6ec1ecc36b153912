"""`camera list`, `features`, `snap`, `baseline`, `simulate`: see a camera before a line runs."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_inspector.cli.options import camera_option, config_option
from edge_inspector.cli.simulate import simulate

if TYPE_CHECKING:
    from edge_inspector.app.producers import Row


@click.group()
def camera() -> None:
    """Look at cameras."""


@camera.command(name="list")
@click.option("--cti", metavar="FILE", help="GenTL producer (.cti), or `viky` or `simulator`. Default: all installed.")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def list_(cti: str | None, as_json: bool) -> None:
    """List the cameras that GenTL producers offer: of one file, or of all that GENICAM_GENTL64_PATH names.

    Exit code 69 when a producer cannot be loaded, or none offers a camera.
    """
    from edge_inspector.app.producers import cameras_installed, cameras_of
    from edge_inspector.core.errors import CameraNotFoundError

    found, wrong = ({cti: cameras_of(cti)}, []) if cti is not None else cameras_installed()
    for what in wrong:
        click.echo(f"{click.style('warning:', fg='yellow')} {what}", err=True)
    if as_json:
        told = [(file, row) for file, rows in found.items() for row in rows]
        click.echo(json.dumps([row if cti is not None else {"cti": file} | row for file, row in told], indent=2))
    if not any(found.values()):
        offer = "offers" if len(found) == 1 else "offer"
        raise CameraNotFoundError(
            f"{', '.join(found)} {offer} no camera; check power, cable and network, then ask again"
        )
    if as_json:
        return
    for file, rows in found.items():
        if cti is None:
            click.echo(f"{file}:" if rows else f"{file}: no camera")
        if rows:
            _table(rows)


def _table(cameras: Sequence[Row]) -> None:
    heads = list(cameras[0])
    rows = [list(camera.values()) for camera in cameras]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@camera.command()
@click.option("--config", "-c", metavar="FILE", type=click.Path(path_type=Path), help="Line whose camera is meant.")
@click.option("--cti", metavar="FILE", help="GenTL producer (.cti) in place of --config, or `viky`, the simulated one.")
@click.option("--serial", default="", help="Serial number, with --cti, where the producer offers several cameras.")
@camera_option
@click.option("--save", metavar="FILE", type=click.Path(path_type=Path), help="Write what is set to a YAML file.")
@click.option(
    "--diff", metavar="FILE", type=click.Path(path_type=Path), help="Compare with a saved file or a configuration."
)
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def features(
    config: Path | None,
    cti: str | None,
    serial: str,
    name: str | None,
    save: Path | None,
    diff: Path | None,
    as_json: bool,
) -> int:
    """Show, save or compare what a camera has set now. Nothing is written to it.

    Only settings are shown that can be written, in an order in which they can be written back, those below selectors
    as blocks. Exit codes: 1 when it differs from the file of --diff, 69 when it is not there, 78 when a file is wrong.
    """
    from edge_inspector.acquire.look import read_features
    from edge_inspector.app.features import features_of, meant_camera, save_text

    cti, serial = meant_camera(config, cti, serial, name)
    report = read_features(cti, serial, None if diff is None else features_of(diff))
    if save is not None:
        save_text(save, report.text)
    if as_json:
        told = dataclasses.asdict(report)
        del told["text"]
        click.echo(json.dumps(told, indent=2))
    elif diff is not None:
        for difference in report.differences:
            click.echo(str(difference))
        click.echo(f"{report.camera}: {len(report.differences)} of the features in {diff} differ")
    elif save is not None:
        click.echo(f"{save}: settings of {report.camera}")
    else:
        click.echo(report.text, nl=False)
    return 1 if report.differences else 0


@camera.command()
@config_option
@camera_option
@click.option("--output", "-o", default="snap.png", type=click.Path(path_type=Path, dir_okay=False), show_default=True)
@click.option("--timeout", "timeout_s", default=10.0, show_default=True, help="Seconds to wait for a picture.")
@click.option("--regions", "has_regions", is_flag=True, help="Draw tiles, zones and what is ignored on it.")
def snap(config: Path, name: str | None, output: Path, timeout_s: float, has_regions: bool) -> None:
    """Save one picture, taken with the camera settings of a line. Exit code 69 when none comes."""
    from edge_inspector.app.ready import view_named
    from edge_inspector.app.rehearse import draw_regions, take_picture
    from edge_inspector.app.start import prepare
    from edge_inspector.record.save import save_picture
    from edge_inspector.settings.load import load_line

    ready = prepare(config) if has_regions else None  # mistakes in the regions are told before the camera is asked
    place, view = view_named(load_line(config), name)
    pixels = take_picture(view, timeout_s)
    save_picture(pixels if ready is None else draw_regions(ready.views[place], pixels), output)
    height, width, channels = pixels.shape
    click.echo(f"{output}: {width}x{height} px, {'grey' if channels == 1 else 'RGB'}, mean {pixels.mean():.0f} of 255")


@camera.command()
@config_option
@camera_option
@click.option("--frames", "n", default=50, show_default=True, type=click.IntRange(5, 10_000), help="Pictures to take.")
@click.option("--timeout", "timeout_s", default=10.0, show_default=True, help="Seconds to wait for each picture.")
def baseline(config: Path, name: str | None, n: int, timeout_s: float) -> None:
    """Record how the pictures look when all is well, so that a lost focus and a dim lamp are noticed.

    Takes pictures with the camera settings of a line that does not run now, good parts before it. Exit codes: 69 when
    the camera is not there or its pictures are black, saturated or stuck, 78 when they differ by more than the
    tolerances of the configuration.
    """
    from edge_inspector.app.baseline import baseline_sentences, record_baseline
    from edge_inspector.app.ready import view_named
    from edge_inspector.settings.load import load_line

    _, settings = view_named(load_line(config), name)
    with click.progressbar(length=n, label="taking pictures", file=sys.stderr) as bar:
        recorded = record_baseline(config, n, timeout_s, lambda _taken: bar.update(1), name)
    for sentence in baseline_sentences(recorded, settings):
        click.echo(sentence)


camera.add_command(simulate)
