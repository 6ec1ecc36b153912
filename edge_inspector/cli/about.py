"""`version` and `schema`: what this program is and what its configuration may hold."""

from __future__ import annotations

import json
from importlib.metadata import version as installed_version

import click


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(installed_version("edge_inspector"))


@click.command()
def schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    from edge_inspector.settings.reference import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
