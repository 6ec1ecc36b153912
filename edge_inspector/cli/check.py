"""`check`: would this line run here, and what would it do?"""

from __future__ import annotations

from pathlib import Path

import click

from edge_inspector.cli.options import config_option


@click.command()
@config_option
@click.option("--camera/--no-camera", default=True, help="Also connect to the camera (default) or not.")
def check(config: Path, camera: bool) -> None:
    """Validate a configuration, its bundle on this hardware, and the camera; explain what the line would do.

    Every mistake comes in one report, with its line. Exit codes: 78 configuration, 66 bundle, 70 the model cannot
    run here as configured, 69 camera.
    """
    from edge_inspector.app.rehearse import see_camera, try_model
    from edge_inspector.app.start import prepare
    from edge_inspector.settings.describe import describe

    ready = prepare(config)
    click.echo(f"{config}: no mistakes")
    for sentence in describe(ready.settings):
        click.echo(f"  {sentence}")
    for sentence in try_model(ready):
        click.echo(f"  {sentence}")
    if camera:
        click.echo(f"  {see_camera(ready.settings)}")
    click.secho("ready to run", fg="green")
