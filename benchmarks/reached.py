"""What a trained run reaches, as a row of docs/reference/trained-models.md, and what cut-off tiles would change.

$ python -m benchmarks.reached DATASET RUN

A dataset leaves out tiles that hold little of a defect which a neighbour shows better (`--defect-share`). Here they are
asked too, each by the model of its fold, and counted as DEFECT: the number that such a rule cannot flatter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from benchmarks.told import told_errors
from edge_inspector.core.errors import UsageError
from export.data.index import read_cutting, read_index
from export.data.scores import Scores
from export.data.tiles import Tile, label_tiles, read_tiles
from export.judge.curves import auroc, carries, escape_rate_at, has_both
from export.judge.heat import load_network, margin_maps
from export.judge.material import read_material, unclear_parts
from export.judge.parts import checked_scores, gather, out_of_fold
from export.judge.statistics import Names, Numbers, Truth, auroc_interval
from export.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Answers:
    """One row a tile or a part."""

    margin: Numbers
    truth: Truth
    group: Names

    def told(self) -> str:
        """Return AUROC with its interval, whole groups drawn again."""
        found = auroc_interval(self.margin, self.truth, self.group)
        area = auroc(self.margin, self.truth)
        if area is None:
            return "-"
        return f"{area:.3f}" + ("" if found is None else f" ({found.low:.3f} to {found.high:.3f})")

    def escapes(self, rate: float) -> str:
        """Return the escape rate at a false-reject rate, or why it cannot be said."""
        n_ok = int((~self.truth).sum())
        if not has_both(self.truth) or not carries(n_ok, rate):
            return f"({n_ok} OK)"
        return f"{escape_rate_at(self.margin, self.truth, rate):.1%}"


def with_cut_off(dataset: Path, run: RunFolder, rows: Scores) -> Answers:
    """Return the tiles of all folds, and those that the dataset leaves out because a neighbour shows the defect.

    Raises:
        UsageError: A model of a fold is missing.
    """
    pictures, cutting = read_index(dataset), read_cutting(dataset)
    known = set(zip(rows.picture.tolist(), rows.y.tolist(), rows.x.tolist(), strict=True))
    fold_of = dict(zip(rows.group.tolist(), rows.fold.tolist(), strict=True))
    margins, groups = [rows.margin], rows.group.tolist()
    for fold in sorted(set(fold_of.values())):
        left_out: list[Tile] = [
            tile
            for tile in label_tiles(pictures, replace(cutting, defect_share=0.0), 0)
            if fold_of.get(tile.group) == fold and (pictures[tile.picture].name, tile.y, tile.x) not in known
        ]
        if not left_out:
            continue
        if (network := load_network(run, fold)) is None:
            raise UsageError(f"{run.fold(fold)} holds no model; train again")
        margins.append(margin_maps(network, read_tiles(pictures, left_out, cutting)).mean(axis=(1, 2)).astype(float))
        groups += [tile.group for tile in left_out]
    margin = np.concatenate(margins)
    truth = np.concatenate([rows.truth, np.ones(len(margin) - len(rows.truth), bool)])
    return Answers(margin, truth, np.array(groups))


def table(dataset: Path, run: Path) -> list[str]:
    """Return the lines that are printed."""
    folder = RunFolder(run)
    scores = checked_scores(folder.scores)
    rows = out_of_fold(scores, folder.scores)
    parts = gather(rows, unclear_parts(read_material(dataset, folder, scores), scores))
    tiles, whole = Answers(rows.margin, rows.truth, rows.group), Answers(parts.margin, parts.truth, parts.group)
    strict = with_cut_off(dataset, folder, rows)
    per_fold = [auroc(rows.margin[rows.fold == k], rows.truth[rows.fold == k]) for k in np.unique(rows.fold)]
    lines = [
        f"tiles: {int((~tiles.truth).sum())} OK, {int(tiles.truth.sum())} DEFECT of {len(set(tiles.group))} groups",
        f"tile AUROC {tiles.told()}; by fold {', '.join(f'{area:.3f}' for area in per_fold if area is not None)}",
        f"escaped DEFECT tiles at 5 % false rejects {tiles.escapes(0.05)}, at 1 % {tiles.escapes(0.01)}",
        f"with {len(strict.truth) - len(tiles.truth)} cut-off tiles as DEFECT: tile AUROC {strict.told()}",
        f"parts: {int((~whole.truth).sum())} OK, {int(whole.truth.sum())} DEFECT; AUROC {whole.told()}",
        f"escaped parts at 5 % false rejects {whole.escapes(0.05)}, at 1 % {whole.escapes(0.01)}",
    ]
    if len(scores.test.truth):
        test = scores.test
        lines.append(f"test split, final model: tile AUROC {Answers(test.margin, test.truth, test.group).told()}")
    return lines


@click.command()
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(dataset: Path, run: Path) -> None:
    """Print what a trained run reaches."""
    with told_errors():
        click.echo("\n".join(table(dataset, run)))


if __name__ == "__main__":
    main()
