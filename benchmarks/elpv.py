"""Write ELPV as a dataset folder: 2,624 solar cells of the package `elpv-dataset`, for test runs alone.

$ python -m benchmarks.elpv write FOLDER
$ python -m export train FOLDER/dataset RUN
$ python -m benchmarks.elpv score FOLDER/dataset RUN

Buerhop-Lux et al. 2018, Deitsch et al. 2019. The labels are confidences that a cell is defective: 0, 1/3, 2/3, 1.
Here a cell from 1/2 on is DEFECT; the confidence stays in the column `cls`, to be used as a weight. The
package names no modules, so each cell is its own group; cells that show the same grain, as wafers of one brick do, are
joined. The published split is by cell, so it is a little easier than this one. The pictures are CC BY-NC-SA 4.0: FOLDER
must not be committed or shipped.
"""

from __future__ import annotations

import csv
from pathlib import Path

import click
import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.told import told_errors
from edge_inspector.core.errors import UsageError
from export.data.from_csv import from_csv
from export.data.index import Cutting, read_index
from export.data.make import DatasetOptions, make_dataset
from export.judge.curves import auroc
from export.judge.fit import fit_platt
from export.judge.parts import checked_scores, out_of_fold
from export.judge.statistics import group_bootstrap
from export.run_folder import RunFolder

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


def score_elpv(dataset: Path, run: Path) -> list[str]:
    """Return what the final model reaches on the test quarter, as lines.

    A cell is called DEFECT from a probability of one half, calibrated on the folds. A cell weighs |2c - 1| of its
    confidence c: 1 where the expert was certain, 1/3 where not. Intervals draw whole groups again.
    """
    file = RunFolder(run).scores
    scores = checked_scores(file)
    folds, test = out_of_fold(scores, file), scores.test
    if not len(test.truth):
        raise UsageError(f"{run} has no test quarter; make the dataset with: python -m benchmarks.elpv write FOLDER")
    certain = {picture.name: picture.cls in ("0", "1") for picture in read_index(dataset)}
    weight = np.array([1.0 if certain[name] else 1 / 3 for name in test.picture.tolist()])
    scale, shift = fit_platt(folds.margin, folds.truth)
    is_right = (scale * test.margin + shift >= 0) == test.truth
    lines = [f"{len(test.truth)} cells of {len(set(test.group))} groups, {int(test.truth.sum())} of them DEFECT"]
    shares = {
        "weighted by confidence": weight,
        "unweighted": np.ones(len(weight)),
        "certain cells": 1.0 * (weight == 1),
    }
    for name, w in shares.items():

        def accuracy(rows: npt.NDArray[np.intp], w: npt.NDArray[np.float64] = w) -> float:
            return float(np.average(is_right[rows], weights=w[rows]))

        interval = group_bootstrap(accuracy, test.group)
        told = "" if interval is None else f" ({interval.low:.2%} to {interval.high:.2%})"
        lines.append(f"accuracy, {name}: {accuracy(np.arange(len(weight))):.2%}{told}")
    return [*lines, f"AUROC {auroc(test.margin, test.truth):.3f}"]


@click.group()
def main() -> None:
    """ELPV, for test runs alone."""


@main.command()
@click.argument("out", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", type=int, default=1, show_default=True, help="Chance of the test quarter.")
def write(out: Path, seed: int) -> None:
    """Write ELPV as a dataset folder in mode whole."""
    with told_errors():
        click.echo(f"{out / 'dataset'}: {write_elpv(out, seed)} cells")


@main.command()
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
def score(dataset: Path, run: Path) -> None:
    """Print what a run reaches on the test quarter."""
    with told_errors():
        click.echo("\n".join(score_elpv(dataset, run)))


if __name__ == "__main__":
    main()
