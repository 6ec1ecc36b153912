"""The command `train`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from edge_inspector.core.errors import UsageError
from export.cli.next_step import tell_next


@click.command()
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--network", type=click.Choice(["lite0", "plain"]), default="lite0", show_default=True)
@click.option(
    "--mode",
    type=click.Choice(["frozen", "finetune"]),
    help="frozen: only the linear layer, in minutes; finetune: later stages too.  [default: frozen; plain: finetune]",
)
@click.option(
    "--folds", type=click.IntRange(0, 20), default=5, show_default=True, help="2 and more; 0: only the final model."
)
@click.option("--loss", type=click.Choice(["weighted", "focal"]), default="weighted", show_default=True)
@click.option("--epochs", type=click.IntRange(1, 1000), help="At most; the recipe's own number when not given.")
@click.option(
    "--early-stop/--all-epochs",
    default=None,
    help="A fifth of a model's groups tells when to stop, or all are learned from.  [default: plain: --early-stop]",
)
@click.option(
    "--blur",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of the varied tiles that are out of focus, such as 0.4: where parts are, and no defect is thin.",
)
@click.option(
    "--move-defects",
    "moved",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of the DEFECT tiles whose masked defect is shown on another sound tile, such as 0.3: few places.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True)
@click.option("--threads", type=click.IntRange(1, 256), default=2, show_default=True, help="CPU threads.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
def train(
    dataset: Path, run: Path, network: Any, mode: Any, epochs: int | None, early_stop: bool | None, **numbers: Any
) -> None:
    """Train a model for each fold and one on everything; write scores of tiles that no model had seen.

    Stopped, or killed, or out of disk: the same command again goes on where it was.
    """
    from export.data.index import read_cutting
    from export.learn.config import recipe, with_choices
    from export.learn.train import train as do_train

    if numbers["folds"] == 1:
        raise UsageError("--folds 1 would leave nothing to learn from: give 2 and more, or 0 for the final model alone")
    mode = mode or ("frozen" if network == "lite0" else "finetune")
    config = recipe(network, mode, read_cutting(dataset).tile_px)
    if config.mode == "frozen" and (numbers["blur"] or numbers["moved"]):
        told = "--blur" if numbers["blur"] else "--move-defects"
        raise UsageError(f"frozen mode varies no tiles, so {told} changes nothing; leave it out or add --mode finetune")
    try:
        do_train(dataset, run, replace(with_choices(config, epochs, early_stop), **numbers))
    except KeyboardInterrupt:
        click.echo("stopped; run the same command again: it goes on after the last finished epoch", err=True)
        sys.exit(130)
    tell_next("train")
