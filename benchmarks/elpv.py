"""Write ELPV as a dataset folder: 2,624 solar cells of the package `elpv-dataset`, for test runs alone.

$ python -m benchmarks.elpv FOLDER
$ python -m export train FOLDER/dataset RUN

Buerhop-Lux et al. 2018, Deitsch et al. 2019. The labels are confidences that a cell is defective: 0, 1/3, 2/3, 1. As
Deitsch et al. do, a cell from 1/2 on is DEFECT; the confidence stays in the column `cls`, to be used as a weight. The
package names no modules, so each cell is its own group; cells that show the same grain, as wafers of one brick do, are
joined. The published split is by cell, so it is a little easier than this one. The pictures are CC BY-NC-SA 4.0: FOLDER
must not be committed or shipped.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import click
import cv2

from edge_inspector.core.errors import EdgeInspectorError, UsageError
from export.data.from_csv import from_csv
from export.data.index import Cutting
from export.data.make import DatasetOptions, make_dataset

CONFIDENCES = ("0", "1/3", "2/3", "1")
"""Values of `cls`."""
TEST_SHARE = 0.25
"""Of the cells, by label: the share of Deitsch et al."""


def write_elpv(out: Path, seed: int) -> int:
    """Write FOLDER/pictures and FOLDER/dataset, mode `whole`; return how many cells there are.

    Raises:
        UsageError: The package is missing, or FOLDER is used.
    """
    try:
        from elpv_dataset.utils import load_dataset  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise UsageError(f"elpv-dataset is not installed ({error}); pip install elpv-dataset") from error
    images, confidences, types = load_dataset()
    folder = out / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cells.csv").open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(["file", "label", "group", "cls", "type"])
        for number, (image, confidence, kind) in enumerate(zip(images, confidences, types, strict=True), start=1):
            name = f"cell{number:04}.png"
            (folder / name).write_bytes(cv2.imencode(".png", image)[1].tobytes())
            cls = CONFIDENCES[round(float(confidence) * 3)]
            writer.writerow([name, "DEFECT" if confidence > 0.5 else "OK", f"cell{number:04}", cls, kind])
    options = DatasetOptions(test_share=TEST_SHARE, seed=seed, merge_duplicates=True)
    made = make_dataset(from_csv(folder / "cells.csv"), out / "dataset", Cutting("whole"), options)
    return len(made.entries)


@click.command()
@click.argument("out", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", type=int, default=1, show_default=True, help="Chance of the test quarter.")
def main(out: Path, seed: int) -> None:
    """Write ELPV as a dataset folder in mode whole."""
    try:
        click.echo(f"{out / 'dataset'}: {write_elpv(out, seed)} cells")
    except EdgeInspectorError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
