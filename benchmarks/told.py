"""What a measurement that cannot go on says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from edge_inspector.core.errors import EdgeInspectorError


@contextmanager
def told_errors() -> Iterator[None]:
    """Say what went wrong and end with its exit code, without a traceback."""
    try:
        yield
    except EdgeInspectorError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
