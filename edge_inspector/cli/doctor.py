"""`doctor`: what is wrong with this line, on this computer, now?"""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_inspector.cli.options import config_option, key_option

if TYPE_CHECKING:
    from edge_inspector.settings.line import LineSettings

NICE = 10
"""Beside a running line."""


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="For a program: schema insp-doctor/1.")
@click.option("--egress", is_flag=True, help="Only what may leave the site: addresses named, and sockets held.")
@click.option("--camera/--no-camera", default=True, help="Also connect to the cameras (default) or not.")
@key_option
@click.option("--unit", metavar="NAME", help="The line's systemd unit.  [default: edge-inspector@ and the file's name]")
@click.option("--limit", type=click.FloatRange(min=0.1), metavar="S", help="Give each check up after S seconds.")
def doctor(
    config: Path, as_json: bool, egress: bool, camera: bool, key: Path | None, unit: str | None, limit: float | None
) -> int:
    """Try everything that a configuration names, on this computer, now; say what to do about what is wrong.

    One row for each check: ok, note, warning or failed. It may run beside the daemon: what that holds is asked from it,
    never taken. Run it as root, or as the line's user: others see less. The exit code is that of the first failed row,
    as `check` has them: 78 configuration or keys, 66 bundle, 70 model, port, disk or daemon, 69 camera; 0 with
    warnings alone.
    """
    from edge_inspector.app.checkup import Asked
    from edge_inspector.app.doctor import examine
    from edge_inspector.cli.sheet import row_text, sum_text, terminal_columns
    from edge_inspector.doctor.processes import main_of
    from edge_inspector.doctor.row import exit_code_of, report_json
    from edge_inspector.run.scheduling import stand_behind

    settings = _settings(config)
    if settings is not None and main_of(settings.state_dir) is not None:
        # It, and what it starts, interrupts nobody by waking up, and gets a tenth of a core that others want.
        stand_behind()
        os.nice(NICE)
    asked = Asked(config, camera, key, unit, egress, limit)
    rows, columns = [], terminal_columns()
    for row in examine(asked):
        rows.append(row)
        if not as_json:
            click.echo(row_text(row, columns))  # at once: a camera that is searched for takes its time
    if as_json:
        line = None if settings is None else settings.line
        click.echo(json.dumps(report_json(line, str(config), version("edge_inspector"), rows), indent=2))
    else:
        click.echo(sum_text(rows))
    return exit_code_of(rows)


def _settings(config: Path) -> LineSettings | None:
    """Return the configuration; None for a wrong one, of which a row will tell."""
    from edge_inspector.core.errors import SettingsError
    from edge_inspector.settings.load import load_line

    try:
        return load_line(config)
    except SettingsError:
        return None
