"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option(
    "--config",
    "-c",
    required=True,
    metavar="FILE",
    # Not looked at here: whoever loads it says better what is wrong, with the exit code of a configuration.
    type=click.Path(path_type=Path, readable=False),
    help="Configuration of the line (YAML).",
)

key_option = click.option(
    "--key",
    "-k",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Key file of this client, for encrypted endpoints.",
)

camera_option = click.option("--camera", "name", metavar="NAME", help="Which camera of the line; default: the first.")
