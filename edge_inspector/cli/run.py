"""`run`: the daemon of one line."""

from __future__ import annotations

from pathlib import Path

import click

from edge_inspector.cli.options import config_option


@click.command()
@config_option
def run(config: Path) -> int:
    """Run a line until SIGTERM or Ctrl-C (a second one ends at once).

    Without its camera it stays up, not ready, and tries again. Exit codes: 66 bundle, 70 a port in use, 78
    configuration; a service manager should not restart on 64, 66 and 78.
    """
    from edge_inspector.app.start import run_line

    return run_line(config)
