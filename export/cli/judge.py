"""Commands of the room `judge`: calibrate, evaluate, compare, heat."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from edge_inspector.core.errors import UsageError
from export.cli.next_step import tell_next

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NEW = click.Path(path_type=Path)

# Each command imports its own step: `--help` should not wait for torch and scikit-learn.


@click.command()
@click.argument("run", type=FOLDER)
@click.option("--method", type=click.Choice(["platt", "temperature"]), default="platt", show_default=True)
@click.option("--recall", type=click.FloatRange(0.5, 1.0), help="Share of defects that the limit must catch [0.97].")
@click.option("--per", type=click.Choice(["part", "tile"]), default="part", show_default=True, help="Of what.")
@click.option("--escape-cost", type=click.FloatRange(0, min_open=True), help="Of a defective part that passes.")
@click.option("--false-reject-cost", type=click.FloatRange(0, min_open=True), help="Of a sound part that is rejected.")
@click.option(
    "--defect-rate",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of defective parts on the line, such as 0.002; not their share among the pictures.",
)
@click.option("--dataset", type=FOLDER, help="Leaves out parts whose mask is too small for any tile to be DEFECT.")
def calibrate(run: Path, method: Any, recall: float | None, per: Any, dataset: Path | None, **costs: Any) -> None:
    """Fit probability and limit on scores of models that never saw the tile.

    The limit comes from a wanted recall, or from the three numbers of costs.
    """
    from export.judge.calibrate import calibrate as do_calibrate
    from export.judge.calibrate import sentences
    from export.judge.limit import Choice
    from export.judge.material import read_material, unclear_parts
    from export.judge.parts import checked_scores
    from export.run_folder import RunFolder

    given = {name: value for name, value in costs.items() if value is not None}
    if given and (len(given) < len(costs) or recall is not None or per == "tile"):
        raise UsageError(
            "give either --recall, or --escape-cost, --false-reject-cost and --defect-rate together; costs are per part"
        )
    choice = Choice(by="costs", **given) if given else Choice(recall=0.97 if recall is None else recall, per=per)
    unclear: set[str] = set()
    if dataset is not None:
        scores = checked_scores(RunFolder(run).scores)
        unclear = unclear_parts(read_material(dataset, RunFolder(run), scores), scores)
    for line in sentences(do_calibrate(run, method, choice, unclear)):
        click.echo(line)
    if dataset is None:
        click.echo("sound is what has no DEFECT tile; give --dataset to leave out parts with a mask too small for one")
    tell_next("calibrate")


@click.command()
@click.argument("dataset", type=FOLDER)
@click.argument("run", type=FOLDER)
@click.option("--heat/--no-heat", default=True, show_default=True, help="Heat maps and pointing game; needs weights.")
@click.option("--threads", type=click.IntRange(1, 256), default=2, show_default=True, help="CPU threads.")
def evaluate(dataset: Path, run: Path, heat: bool, threads: int) -> None:
    """Measure a run; writes metrics.json and report.html."""
    import torch

    from export.judge.evaluate import evaluate as do_evaluate

    torch.set_num_threads(threads)
    metrics = do_evaluate(dataset, run, heat)
    click.echo(json.dumps({name: metrics[name] for name in ("groups", "limit", "part", "tile")}, indent=1))
    click.echo(f"{run / 'report.html'} shows it, {run / 'metrics.json'} holds all numbers")
    tell_next("evaluate")


@click.command()
@click.argument("dataset", type=FOLDER)
@click.argument("run_a", type=FOLDER)
@click.argument("run_b", type=FOLDER)
@click.option("--out", type=NEW, help="HTML page [RUN_A/compare-RUN_B.html].")
def compare(dataset: Path, run_a: Path, run_b: Path, out: Path | None) -> None:
    """Say whether two runs differ by more than luck, on the same groups."""
    from export.judge.compare import compare as do_compare
    from export.judge.page import comparison_page
    from export.whole_file import write_whole

    found = do_compare(dataset, run_a, run_b)
    out = run_a / f"compare-{run_b.resolve().name}.html" if out is None else out
    write_whole(out, comparison_page(found))
    click.echo(json.dumps({key: found.numbers[key] for key in ("groups", "a", "b", "mcnemar_p", "auroc")}, indent=1))
    click.echo(found.conclusion)
    click.echo(f"{out} shows it")


@click.command()
@click.argument("dataset", type=FOLDER)
@click.argument("run", type=FOLDER)
@click.argument("picture")
@click.argument("out", type=NEW)
def heat(dataset: Path, run: Path, picture: str, out: Path) -> None:
    """Draw one PICTURE (its name in index.csv, or its path) beside its heat map, by the model that did not see it."""
    from export.judge.one_picture import draw

    said = draw(dataset, run, picture, out)
    click.echo(said)
