"""`check`: would this line run here, and what would it do?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import click

from edge_inspector.cli.options import config_option
from edge_inspector.core.errors import EdgeInspectorError


@click.command()
@config_option
@click.option("--camera/--no-camera", default=True, help="Also connect to the cameras (default) or not.")
def check(config: Path, camera: bool) -> int:
    """Validate a configuration, its bundle on this hardware, and the camera; explain what the line would do.

    Every mistake comes in one report, with its line; then bundle, model and camera are tried, each whatever came of
    the others. Exit codes, of the first that is wrong: 78 configuration, 66 bundle, 78 keys, 70 the model cannot run
    here as configured, 69 camera.
    """
    from edge_inspector.app.baseline import baseline_sentence
    from edge_inspector.app.keys import key_sentences
    from edge_inspector.app.rehearse import see_cameras, try_model
    from edge_inspector.app.start import prepare
    from edge_inspector.cli.building import BuildProgress
    from edge_inspector.core.errors import BundleError
    from edge_inspector.settings.describe import describe
    from edge_inspector.settings.load import load_line

    settings = load_line(config)
    ready, wrong = None, []
    try:
        ready = prepare(config)
    except BundleError as error:
        wrong = [_told(error)]
    click.echo(f"{config}: no mistakes")
    _say(describe(settings))
    wrong += _tried(lambda: key_sentences(settings))
    if ready is not None:
        _say(baseline_sentence(view.settings.camera.name, view.baseline) for view in ready.views)
        with BuildProgress() as building:
            wrong += _tried(partial(try_model, ready, building))
    if camera:
        wrong += _tried(lambda: see_cameras(settings))
    if not wrong:
        click.secho("ready to run", fg="green")
    return wrong[0].exit_code if wrong else 0


def _tried(step: Callable[[], Iterable[str]]) -> list[EdgeInspectorError]:
    """Say what a step found, or what is wrong; returns the latter."""
    try:
        _say(step())
    except EdgeInspectorError as error:
        return [_told(error)]
    return []


def _told(error: EdgeInspectorError) -> EdgeInspectorError:
    click.echo(f"{click.style('error:', fg='red')} {error}", err=True)
    return error


def _say(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        click.echo(f"  {sentence}")
