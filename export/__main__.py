"""The workstation's commands, in the order in which they are run. `python -m export --help` tells the story."""

from __future__ import annotations

import sys

import click

from edge_inspector.core.errors import EdgeInspectorError
from export.cli.dataset import dataset
from export.cli.judge import calibrate, compare, evaluate, heat
from export.cli.learn import train
from export.cli.ship import bundle, keys, onnx, quantize, strips, verify

# Each command imports its own step: `--help` should not wait for torch.


@click.group()
def export() -> None:
    """From labelled pictures to a bundle that the line can prove before it trusts it.

    \b
    DATA is a folder that `dataset` makes: index.csv, dataset.json, report.html; pictures stay where they are.
    RUN  is a folder that the steps after it fill, one after the other:

    \b
    dataset    SOURCE DATA    index.csv         from folders, a CSV, Severstal's form or evidence; with a report
    train      DATA RUN       fold-*/ final/    a model for each fold and one on everything; scores.csv
    calibrate  RUN            calibration.json  margin -> probability, and the limit, on scores of unseen tiles
    evaluate   DATA RUN       metrics.json      what the model is worth, with report.html for people
    onnx       DATA RUN       model.onnx        one graph: uint8 tiles in, scores and heat map out; compared with torch
    quantize   DATA RUN       model.int8.onnx   the same in INT8; each way measured, the closest kept
    verify     DATA RUN       parity.json       torch, fp32 and INT8 on the same tiles: differences, flips, speed
    bundle     DATA RUN OUT   a bundle          with golden tiles, signed; read back as the line would

    \b
    compare    DATA RUN RUN   a page            two runs on the same groups: more than luck?
    heat       DATA RUN PICTURE OUT             one picture beside its heat map
    keys new   NAME FOLDER    a pair of keys    NAME.key signs, NAME.pub goes to the lines
    strips     DATA OUT       pictures of parts with their truth, for the demo
    """


for command in (dataset, train, calibrate, evaluate, onnx, quantize, verify, bundle, compare, heat, keys, strips):
    export.add_command(command)


def main() -> None:
    """Run a command; an error meant for a person is printed without a traceback."""
    try:
        export(prog_name="python -m export")
    except EdgeInspectorError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
