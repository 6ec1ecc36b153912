"""`run`: the daemon of one line."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from edge_inspector.cli.options import config_option


@click.command()
@config_option
@click.option("--parent", "parent_pid", type=int, hidden=True, help="Stop when this process, which started it, ends.")
def run(config: Path, parent_pid: int | None) -> int:
    """Run a line until SIGTERM or Ctrl-C (a second one ends at once). SIGHUP is `reload`.

    Without its camera it stays up, not ready, and tries again. Exit codes: 66 bundle, 70 a port in use, 78
    configuration; a service manager should not restart on 64, 66 and 78.
    """
    if parent_pid is not None:
        from edge_inspector.run.child import end_with_parent

        end_with_parent(parent_pid, signal.SIGTERM)
    # Before numpy is imported: its threads would else receive what `app/hangups.py` fetches.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    from edge_inspector.app.start import run_line

    return run_line(config)
