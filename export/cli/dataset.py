"""`python -m export dataset`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from edge_inspector.core.errors import UsageError

KINDS = ("folders", "csv", "severstal", "evidence")


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--from", "kind", type=click.Choice(KINDS), help="What SOURCE is; found out if not said.")
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Evidence: CSV of evidence_id,label[,view][,cls].",
)
@click.option(
    "--pictures",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Severstal: folder of the strips, if not train_images beside the CSV.",
)
@click.option(
    "--group-by",
    "group_rule",
    metavar="RULE",
    help="What one part or place is: stem, folder, time:MINUTES, regex:PATTERN or key:NAME.",
)
@click.option(
    "--mode",
    type=click.Choice(["grid", "whole"]),
    default="grid",
    show_default=True,
    help="The line's tiles, or each picture resized to one tile.",
)
@click.option(
    "--tile",
    "tile_px",
    type=click.IntRange(64, 1024),
    default=256,
    show_default=True,
    help="Side of a tile in pixels, a multiple of 32; the bundle tells the line.",
)
@click.option(
    "--defect-from-px",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Masked pixels from which a tile is DEFECT.",
)
@click.option(
    "--defect-share",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="And what it must hold of a defect, as share of what the tile that shows it best holds; 0: any bit.",
)
@click.option(
    "--part",
    type=click.Choice(["picture", "row"]),
    default="picture",
    show_default=True,
    help="What counts as one part: the picture, or each row of its tiles.",
)
@click.option(
    "--test-share",
    type=click.FloatRange(0, 0.5),
    help="Share of the groups that are kept as test; if not said, as the CSV says.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Chance of --test-share.")
@click.option("--merge-duplicates", is_flag=True, help="Join groups whose pictures show the same.")
@click.option("--allow-duplicates", is_flag=True, help="Leave them; the report shows them.")
def dataset(
    source: Path, out: Path, kind: str | None, labels: Path | None, pictures: Path | None, **chosen: Any
) -> None:
    """Look at labelled pictures and write a dataset folder.

    \b
    SOURCE is one of
      folder with OK/ and DEFECT/, and masks/ if there are some
      CSV with the columns file, mask, label, group [, split, cls], or a folder with such an index.csv
      Severstal's train.csv, or its folder
      folder of evidence of the line, with --labels, or sorted into OK/ and DEFECT/

    OUT gets index.csv, dataset.json, report.html and masks that had to be drawn; pictures stay where they are.
    """
    from export.data.index import CELL_PX, Cutting
    from export.data.make import DatasetOptions, make_dataset
    from export.data.open_source import open_source

    if chosen["merge_duplicates"] and chosen["allow_duplicates"]:
        raise UsageError("--merge-duplicates and --allow-duplicates exclude each other; give one")
    if (side := chosen["tile_px"]) % CELL_PX:
        below = side // CELL_PX * CELL_PX
        raise UsageError(
            f"--tile: must be a multiple of {CELL_PX} from 64 to 1024, but is {side}; take {below} or {below + CELL_PX}"
        )
    cutting = Cutting(**{field.name: chosen.pop(field.name) for field in fields(Cutting)})
    found = open_source(source, kind, labels, pictures)
    made = make_dataset(found, out, cutting, DatasetOptions(**chosen), _track)
    tiles, groups = made.n_tiles, {entry.group for entry in made.entries}
    click.echo(
        f"{out}: {len(made.entries)} pictures from {made.kind} in {len(groups)} groups; tiles: {tiles['OK']} OK, "
        f"{tiles['DEFECT']} DEFECT, {tiles['dropped']} dropped; data {made.data_sha256[:12]}"
    )
    for text in (*made.warnings, *made.notes):
        click.echo(f"note: {text}")
    click.echo(f"look at {out / 'report.html'}, then: python -m export train --help")


def _track(found: Sequence[Any]) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import track

    # On stderr, and only where somebody looks: what is piped on stays clean.
    console = Console(stderr=True)
    return iter(track(found, "looking at pictures", console=console, disable=not console.is_terminal))
