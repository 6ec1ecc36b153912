"""The workstation's commands, in the order in which they are run. `python -m export --help` tells the story."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edge_inspector.core.errors import EdgeInspectorError
from export.cli.dataset import dataset
from export.cli.learn import train
from export.cli import judge

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
    dataset    SOURCE DATA    index.csv         from folders, a CSV, Severstal's form or evidence; with a report
    train      DATA RUN       fold-*/ final/    a model for each fold and one on everything; scores.csv
    calibrate  DATA RUN       calibration.json  margin -> probability, and the limit, on groups kept from training
    train      DATA RUN       weights.pt        ImageNet weights, fine-tuned on the train groups
    calibrate  RUN            calibration.json  margin -> probability, and the limit, on scores of unseen tiles
    onnx       DATA RUN       model.onnx        one graph: uint8 tiles in, scores and heat map out; compared with torch
    evaluate   DATA RUN       metrics.json      what the model is worth, with report.html for people
    compare    DATA RUN RUN   a page            two runs on the same groups: more than luck?
    heat       DATA RUN PICTURE OUT             one picture beside its heat map
    bundle     DATA RUN OUT   a bundle          with golden tiles; read back as the line would

    \b
    strips     DATA OUT       pictures of parts with their truth, for the demo
    """


export.add_command(train)


@export.command()
@click.argument("data", type=FOLDER)
@click.argument("run", type=FOLDER)
def onnx(data: Path, run: Path) -> None:
    """Write model.onnx and compare it with torch on calibration tiles."""
    from export.data.dataset import label_tiles, read_index, read_tiles, split_by_group
    from export.judge.calibrate import load_calibration
    from export.learn.train import load_config, load_network
    from export.ship.to_onnx import MODEL_FILE, check_parity, write_onnx

    network, calibration, file = load_network(run), load_calibration(run), run / MODEL_FILE
    write_onnx(network, calibration, file)
    pictures = split_by_group(read_index(data), load_config(run).seed).calibration
    tiles = label_tiles(pictures, overlap=0)[::40]  # some 25 tiles of all pictures are enough to compare two functions
    score_gap, heat_gap = check_parity(network, calibration, file, read_tiles(pictures, tiles))
    click.echo(
        f"{file}: {file.stat().st_size / 1e6:.1f} MB; against torch: scores {score_gap:.1e}, heat {heat_gap:.1e}"
    )


@export.command()
@click.argument("data", type=FOLDER)
@click.argument("run", type=FOLDER)
@click.argument("out", type=NEW)
@click.option("--name", required=True, help="Name of the bundle, such as bsdata-pitting.")
@click.option("--version", required=True, help="Version of the bundle, such as 1.0.0.")
@click.option("--build", type=click.IntRange(0), default=1, show_default=True)
@click.option("--licence", required=True, help="One line on the licence of weights and golden tiles.")
@click.option("--data-name", required=True, help="What the pictures are, and where they come from.")
@click.option("--data-licence", type=FILE, required=True, help="Text that goes beside the golden tiles.")
@click.option("--data-attribution", type=FILE, required=True, help="Attribution that goes beside the golden tiles.")
def bundle(data: Path, run: Path, out: Path, **text: str | int | Path) -> None:
    """Put the run together as a bundle with golden tiles."""
    from export.ship.bundle import BundleText, write_bundle

    made = write_bundle(data, run, out, BundleText(**text))  # type: ignore[arg-type]
    click.echo(f"{out}: {made.label}, sha256 {made.model_sha256[:12]}…, {len(made.golden)} golden tiles")


@export.command()
@click.argument("data", type=FOLDER)
@click.argument("out", type=NEW)
@click.option("--count", type=click.IntRange(2), default=30, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def strips(data: Path, out: Path, count: int, seed: int) -> None:
    """Cut strips of validation pictures, half of them sound, with their truth."""
    from export.data.strips import write_strips

    click.echo(f"{out}: {write_strips(data, out, count, seed)} strips and truth.csv")


export.add_command(dataset)
export.add_command(judge.calibrate)
export.add_command(judge.evaluate)
export.add_command(judge.compare)
export.add_command(judge.heat)


def main() -> None:
    """Run a command; an error meant for a person is printed without a traceback."""
    try:
        export(prog_name="python -m export")
    except EdgeInspectorError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
