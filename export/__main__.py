"""The workstation's commands, in the order in which they are run. `python -m export --help` tells the story."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from edge_inspector.core.errors import EdgeInspectorError
from export.cli.ship import bundle, keys, onnx, quantize, strips, verify

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW = click.Path(path_type=Path)

# Each command imports its own step: `--help` should not wait for torch.


@click.group()
def export() -> None:
    """From labelled pictures to a bundle that the line can prove before it trusts it.

    \b
    DATA is a folder with index.csv (columns file, mask, group, split), pictures and masks.
    RUN  is a folder that the steps fill, one after the other:

    \b
    train      DATA RUN       weights.pt        ImageNet weights, fine-tuned on the train groups
    calibrate  DATA RUN       calibration.json  margin -> probability, and the limit, on groups kept from training
    onnx       DATA RUN       model.onnx        one graph: uint8 tiles in, scores and heat map out; compared with torch
    quantize   DATA RUN       model.int8.onnx   the same in INT8; each way measured, the closest kept
    verify     DATA RUN       parity.json       torch, fp32 and INT8 on the same tiles: differences, flips, speed
    evaluate   DATA RUN       metrics.json      the file's numbers on the validation groups
    bundle     DATA RUN OUT   a bundle          with golden tiles, signed; read back as the line would

    \b
    keys new   NAME FOLDER    a pair of keys    NAME.key signs, NAME.pub goes to the lines
    strips     DATA OUT       pictures of parts with their truth, for the demo
    """


@export.command()
@click.argument("data", type=FOLDER)
@click.argument("run", type=NEW)
@click.option("--epochs", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Chance of split, order and augmentation.")
@click.option("--threads", type=click.IntRange(1, 256), default=2, show_default=True, help="CPU threads.")
def train(data: Path, run: Path, epochs: int, seed: int, threads: int) -> None:
    """Fine-tune the network on the train groups."""
    from export.learn.train import TrainConfig
    from export.learn.train import train as do_train

    do_train(data, run, TrainConfig(seed=seed, epochs=epochs, threads=threads))


@export.command()
@click.argument("data", type=FOLDER)
@click.argument("run", type=FOLDER)
@click.option(
    "--recall",
    type=click.FloatRange(0.5, 1.0),
    default=0.97,
    show_default=True,
    help="Share of the calibration groups' defect tiles that the limit must catch.",
)
def calibrate(data: Path, run: Path, recall: float) -> None:
    """Fit probability and limit on train groups that were kept from training."""
    from export.judge.calibrate import calibrate as do_calibrate

    result = do_calibrate(data, run, recall)
    click.echo(
        f"p(DEFECT) = sigmoid({result.scale:.4f} * margin {result.shift:+.4f}), limit {result.limit:.3f} "
        f"({result.n_defect_tiles} defect tiles of {result.n_tiles} in {len(result.groups)} groups)"
    )


@export.command()
@click.argument("data", type=FOLDER)
@click.argument("run", type=FOLDER)
def evaluate(data: Path, run: Path) -> None:
    """Measure model.onnx on the validation groups."""
    from export.judge.evaluate import evaluate as do_evaluate

    click.echo(json.dumps(do_evaluate(data, run), indent=1))


export.add_command(onnx)
export.add_command(quantize)
export.add_command(verify)
export.add_command(bundle)
export.add_command(keys)
export.add_command(strips)


def main() -> None:
    """Run a command; an error meant for a person is printed without a traceback."""
    try:
        export(prog_name="python -m export")
    except EdgeInspectorError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
