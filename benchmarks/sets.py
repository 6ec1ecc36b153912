"""Train on a public set of surfaces and print what is reached: a row of docs/reference/trained-models.md.

$ python -m benchmarks.sets bsdata DATA WORK            frozen, minutes
$ python -m benchmarks.sets bsdata DATA WORK --mode finetune

DATA holds the set with an index.csv; WORK takes dataset and run and must not be committed. Stopped, it goes on.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click

from benchmarks.reached import table
from benchmarks.told import told_errors

SETS = {
    # All its pictures are defective, so rows of tiles are the parts; its index keeps 13 groups as test.
    "bsdata": ("--part", "row"),
    # Its cracks are thin; 8 groups of test would hold 8 cracks, so all take part in the folds.
    "ksdd": ("--defect-from-px", "20", "--test-share", "0"),
    # A picture is a part; 14 pairs show the same part in two groups.
    "mt": ("--mode", "whole", "--merge-duplicates", "--test-share", "0"),
}
"""How each becomes a dataset."""
FINETUNE = {
    # Many of its pits lie out of focus, and none is thin; most of its pictures are of nine places.
    "bsdata": ("--blur", "0.4", "--move-defects", "0.3"),
    # Six kinds of surface and five of defects in 910 tiles; reached in docs/reference/trained-models.md.
    "mt": ("--epochs", "14"),
}
"""What fine-tuning is told beyond the usual."""


def _step(*words: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "export", *map(str, words)], check=True)


@click.command()
@click.argument("name", type=click.Choice(sorted(SETS)))
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("work", type=click.Path(file_okay=False, path_type=Path))
@click.option("--mode", type=click.Choice(["frozen", "finetune"]), default="frozen", show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
def main(name: str, data: Path, work: Path, mode: str, threads: int) -> None:
    """Make the dataset if it is not there, train, and print what is reached."""
    dataset, run = work / f"{name}-data", work / f"{name}-{mode}"
    try:
        if not dataset.exists():
            work.mkdir(parents=True, exist_ok=True)
            _step("dataset", data, dataset, *SETS[name])
        since = time.monotonic()
        told = FINETUNE.get(name, ()) if mode == "finetune" else ()
        _step("train", dataset, run, "--mode", mode, "--threads", str(threads), *told)
        click.echo(f"trained in {time.monotonic() - since:.0f} s")
        with told_errors():
            click.echo("\n".join(table(dataset, run)))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)


if __name__ == "__main__":
    main()
