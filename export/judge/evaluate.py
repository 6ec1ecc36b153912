"""The step `evaluate`: metrics.json for the manifest, report.html for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import Progress

from export.data.scores import Scores
from export.judge import measure
from export.judge.calibrate import choice_of, load_calibration
from export.judge.fit import Calibration, CrossFit, cross_fit
from export.judge.looks import FoldModels, Mistake, pointing_game, show, worst
from export.judge.material import Material, read_material, unclear_parts
from export.judge.page import evaluation_page
from export.judge.parts import Parts, checked_scores, gather, out_of_fold
from export.run_folder import RunFolder
from export.whole_file import write_whole

METRICS_FILE = "metrics.json"


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that numbers and report are made of."""

    name: str
    """Of the run's folder."""
    material: Material
    tiles: Scores
    """Out of fold."""
    parts: Parts
    test_tiles: Scores
    test_parts: Parts
    unclear: frozenset[str]
    calibration: Calibration
    crossed: CrossFit


def gather_evidence(dataset: Path, run: Path) -> Evidence:
    """Read and check a dataset and a run.

    Raises:
        UsageError: A step is missing, a file is damaged, or the two do not belong together.
    """
    folder = RunFolder(run)
    scores = checked_scores(folder.need(folder.scores, "train"))
    tiles, calibration = out_of_fold(scores, folder.scores), load_calibration(run)
    material = read_material(dataset, folder, scores)
    unclear = frozenset(unclear_parts(material, scores))
    parts = gather(tiles, unclear)
    return Evidence(
        name=run.resolve().name,
        material=material,
        tiles=tiles,
        parts=parts,
        test_tiles=scores.test,
        test_parts=gather(scores.test, unclear),
        unclear=unclear,
        calibration=calibration,
        crossed=cross_fit(tiles, parts, calibration.method, choice_of(calibration)),
    )


def metrics_of(evidence: Evidence, pointing: measure.Json | None) -> measure.Json:
    """Return what metrics.json holds: numbers, texts, lists and objects; what cannot be said is not there."""
    e = evidence
    classes = {picture.name: picture.cls for picture in e.material.pictures}
    found = {
        "scored": "every tile by a model that did not see its group",
        "data_sha256": e.material.sha256,
        "groups": len(set(e.tiles.group.tolist())),
        "folds": len(np.unique(e.tiles.fold)),
        "part_is": "row of tiles" if e.material.cutting.part == "row" else "picture",
        "parts_unclear": len(e.unclear),
        "limit": e.calibration.limit,
        "calibration_sha256": e.calibration.sha256,
        "tile": measure.of_tiles(e.tiles, e.calibration, e.crossed),
        "part": measure.of_parts(e.parts, e.calibration, e.crossed),
        "classes": measure.of_classes(e.parts, e.calibration, classes) if any(classes.values()) else None,
        "per_fold": measure.of_folds(e.tiles, e.parts, e.calibration),
        "test": measure.of_test(e.test_tiles, e.test_parts, e.calibration),
        "pointing_game": pointing,
    }
    cleaned: measure.Json = measure.without_none(found)
    return cleaned


def evaluate(dataset: Path, run: Path, has_heat: bool = True) -> measure.Json:
    """Measure a run, leave metrics.json and report.html in it, and return the numbers.

    Args:
        dataset: Folder the run was trained on.
        run: Folder with scores.csv and calibration.json; weights are needed for heat maps alone.
        has_heat: Draw heat maps and play the pointing game.

    Raises:
        UsageError: As `gather_evidence`, or the files cannot be written.
    """
    evidence, folder = gather_evidence(dataset, run), RunFolder(run)
    models = FoldModels(folder if has_heat else RunFolder(run / "no-models"))
    with Progress() as bar:
        usable = int((evidence.tiles.truth & (evidence.tiles.mask_px > 0)).sum())
        task = bar.add_task("heat maps of DEFECT tiles", total=usable if has_heat else 0)
        pointing = None
        if has_heat:
            pointing = pointing_game(evidence.material, evidence.tiles, models, lambda n: bar.advance(task, n))
        metrics = metrics_of(evidence, pointing)
        task_2 = bar.add_task("pictures of mistakes", total=None)
        escapes, false_rejects = mistakes(evidence, models, lambda n: bar.advance(task_2, n))
    page = evaluation_page(evidence, metrics, escapes, false_rejects)
    write_whole(folder.metrics, json.dumps(metrics, indent=1) + "\n")
    write_whole(folder.report, page)
    return metrics


def mistakes(
    evidence: Evidence, models: FoldModels, tick: Callable[[int], None]
) -> tuple[list[Mistake], list[Mistake]]:
    """Return the clearest escapes and false rejects among the parts, with pictures."""
    parts, counted = evidence.parts, evidence.calibration.counts(evidence.parts.margin)
    probability = evidence.calibration.probability(parts.margin)
    is_row = evidence.material.cutting.part == "row"
    found: list[list[Mistake]] = []
    for wrong, lowest_first in ((parts.truth & ~counted, True), (~parts.truth & counted, False)):
        shown = []
        for row in worst(parts, wrong, lowest_first):
            y = int(evidence.tiles.y[evidence.tiles.part == parts.name[row]][0]) if is_row else None
            shown.append(show(evidence.material, parts, row, y, probability, models))
            tick(1)
        found.append(shown)
    return found[0], found[1]
