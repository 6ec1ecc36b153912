"""`model qualify`: which engine and precision suits this very computer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_inspector.core.errors import UsageError

if TYPE_CHECKING:
    from edge_inspector.app.qualify import Tell
    from edge_inspector.app.qualify_ask import Wish
    from edge_inspector.app.qualify_report import Report


@click.command()
@click.argument("bundle", metavar="[ZIP|FOLDER]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--config",
    "-c",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Configuration of a line: its bundles, frame sizes, rules, cores. Without it a BUNDLE alone.",
)
@click.option(
    "--keys",
    "-k",
    multiple=True,
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    help="Public key to trust, or a folder of them; without --config.",
)
@click.option("--unsigned", is_flag=True, help="Take also what no trusted key signed; without --config.")
@click.option(
    "--labelled",
    "-l",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Pictures in DIR/OK and DIR/DEFECT, frames or tiles: verdicts that change are counted.",
)
@click.option("--camera", metavar="NAME", help="Only this camera's model; the labelled pictures are its own.")
@click.option(
    "--seconds",
    default=10.0,
    show_default=True,
    metavar="S",
    type=click.FloatRange(0.1, 3600),
    help="Time for each engine and precision.",
)
@click.option("--beside", is_flag=True, help="Also while the line inspects: it goes first.")
@click.option("--write", is_flag=True, help="Write the recommendation into the configuration.")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def qualify(
    bundle: Path | None,
    config: Path | None,
    keys: tuple[Path, ...],
    unsigned: bool,
    labelled: Path | None,
    camera: str | None,
    seconds: float,
    beside: bool,
    write: bool,
    as_json: bool,
) -> int:
    """Time a bundle on every engine in every precision that is here, and recommend one.

    Each replays its golden tiles first; what answers outside the bundle's tolerance is refused, and so is what changes
    too many verdicts on labelled pictures. INT8 that is slower than fp32 on this computer is named. With --config, the
    line's own frame sizes, rules and cores count, and --write sets model.provider and model.precision.
    """
    from edge_inspector.app.qualify import Pace
    from edge_inspector.app.qualify_ask import Wish

    if (bundle is None) == (config is None):
        raise UsageError("give a bundle, or a line's configuration with --config; one of them")
    if config is None and (write or camera):
        raise UsageError("--write and --camera are for use with --config")
    if config is not None and (keys or unsigned):
        raise UsageError("--keys and --unsigned are for use without --config, which says itself who is trusted")
    report = _measured(bundle, config, keys, unsigned, Wish(labelled, camera, Pace(seconds=seconds), beside))
    _tell(report, config, write, as_json)
    return report.exit_code


def _measured(bundle: Path | None, config: Path | None, keys: tuple[Path, ...], unsigned: bool, wish: Wish) -> Report:
    from edge_inspector.app.qualify_ask import neighbours, qualify_bundle, qualify_line
    from edge_inspector.settings.load import state_dir_of

    if warning := neighbours(None if config is None else state_dir_of(config)):
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    with _progress() as tell:
        if config is not None:
            return qualify_line(config, wish, tell)
        assert bundle is not None  # one of them was given
        return qualify_bundle(bundle, keys, unsigned, wish, tell)


def _tell(report: Report, config: Path | None, write: bool, as_json: bool) -> None:
    from edge_inspector.app.qualified import here, keep
    from edge_inspector.cli.qualify_table import report_text

    computer = here()
    told = report.as_json(computer)
    if not as_json:
        click.echo(report_text(report, computer))
    kept = None if config is None else keep(report, told)
    written = _write(report, config) if write and config is not None and report.exit_code == 0 else []
    if as_json:
        click.echo(json.dumps(told | {"kept": kept, "written": written}, indent=2))
        return
    for sentence in [*([kept] if kept else []), *written]:
        click.echo(sentence)


def _write(report: Report, config: Path) -> list[str]:
    """Write the choice; returns what was done, in words."""
    from edge_inspector.app.qualify_ask import choice_edit

    edit = choice_edit(report, config)
    before = edit.write()
    if before is None:
        return [f"nothing to write: {config} names it already"]
    changes = [f"  {line}" for line in edit.diff]
    then = "`model` is read at a start: start the line again to use it"
    return [f"written to {config}, whose former content is kept in {before}:", *changes, then]


@contextmanager
def _progress() -> Iterator[Tell]:
    """Give what shows progress on a terminal, and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    is_shown = console.is_terminal
    # Drawn seldom: what draws takes time from what is measured.
    with Progress(*columns, console=console, transient=True, refresh_per_second=2, disable=not is_shown) as bar:
        task = bar.add_task("begin", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield tell
