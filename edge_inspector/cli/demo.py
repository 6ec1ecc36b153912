"""`demo`: the real daemon on shipped pictures, seen through its own endpoints."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--parts", default=60, show_default=True, type=click.IntRange(1, 1_000_000), help="Parts to inspect.")
@click.option("--forever", is_flag=True, help="Go on until Ctrl-C.")
@click.option(
    "--output",
    default="demo-output",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for pictures of rejected parts, the daemon's log and its configuration.",
)
def demo(parts: int, forever: bool, output: Path) -> int:
    """Inspect shipped pictures of real steel with the shipped model: no camera, no configuration needed."""
    from edge_inspector.cli.rehearsal import Rehearsal

    return Rehearsal(output.resolve(), None if forever else parts).run()
