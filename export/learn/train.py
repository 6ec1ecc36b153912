"""Train a run: a model for each fold, the final one, and a score for each tile. Read it top to bottom."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from edge_inspector.core.errors import UsageError
from export.data.scores import TEST_FOLD, write_scores
from export.learn.config import TrainConfig, keep_config
from export.learn.files import cannot_write, sole_user, write_json
from export.learn.finetune import STATE_FILE, Finetuner, draw_counts
from export.learn.folds import check_groups, share_out, stop_groups
from export.learn.frozen import FrozenFitter
from export.learn.job import Done, Job
from export.learn.material import Material, Rows, read_material
from export.learn.progress import Teller
from export.learn.sources import CACHE_FOLDER
from export.run_folder import DONE_FILE, RunFolder


def train(dataset: Path, run: Path, config: TrainConfig) -> None:
    """Train on a dataset; leave in `run` what `RunFolder` says. A run that was stopped goes on where it was.

    Raises:
        UsageError: The data cannot be learned from, the folder holds another run, or the disk is full. What was done
            stays.
    """
    folder = RunFolder(run)
    with sole_user(run), Teller() as teller, threadpool_limits(config.threads):
        torch.set_num_threads(config.threads)
        torch.backends.cudnn.deterministic = True
        material = read_material(dataset, config.overlap)
        fold_of = _share_out(material, config, teller)
        keep_config(folder, config, material.summary(), {"torch": torch.__version__})
        if folder.scores.exists():
            teller.say(f"{run} is done; name another folder to train anew")
            shutil.rmtree(run / CACHE_FOLDER, ignore_errors=True)
            return
        jobs = _fold_jobs(material, config, folder, fold_of)
        teller.say(
            f"{len(material.score)} tiles of {len(set(material.groups[material.score]))} groups; {len(jobs)} folds"
        )
        learner: Finetuner | FrozenFitter | None = None
        done: list[Done] = []
        for job in [*jobs, None]:
            job = job or _final_job(material, config, folder, done)
            if (found := _load_done(job)) is None:
                learner = learner or _learner(material, config, run, teller)
                found = _finish(job, material, learner.fit(job))
            done.append(found)
        _write_scores(folder, material, fold_of, done)
        shutil.rmtree(run / CACHE_FOLDER, ignore_errors=True)
        teller.say(f"{folder.scores} is written")


def _learner(material: Material, config: TrainConfig, run: Path, teller: Teller) -> Finetuner | FrozenFitter:
    kind = FrozenFitter if config.mode == "frozen" else Finetuner
    return kind(material, config, run, teller)


def _share_out(material: Material, config: TrainConfig, teller: Teller) -> Rows:
    """Return the fold of each row of `material.score`; an empty list with --folds 0."""
    groups, truth = material.groups[material.score], material.truth[material.score]
    if config.folds == 0:
        check_groups(groups, truth, 1)
        teller.say("no folds: no tile is scored by a model that did not learn from it, so nothing can be promised")
        return np.empty(0, np.intp)
    fold_of = share_out(groups, truth, config.folds, config.seed)
    if (count := int(fold_of.max()) + 1) < config.folds:
        teller.say(f"{count} folds instead of {config.folds}: the groups of a label are too few for more")
    return fold_of


def _fold_jobs(material: Material, config: TrainConfig, folder: RunFolder, fold_of: Rows) -> list[Job]:
    count = int(fold_of.max()) + 1 if len(fold_of) else 0
    drawn = sum(draw_counts(material.count_defects(material.learn), config)) * config.epochs
    jobs = []
    for number in range(count):
        held = material.score[fold_of == number]
        ours = ~np.isin(material.groups, material.groups[held])
        learn, grid = (rows[ours[rows]] for rows in (material.learn, material.score))
        is_stop = np.isin(material.groups, list(_stop_groups(material, config, grid, number)))
        name, after = f"fold {number + 1} of {count}", (count - number) * drawn
        jobs.append(
            Job(
                name,
                number,
                folder.fold(number),
                learn[~is_stop[learn]],
                grid[is_stop[grid]],
                held,
                config.epochs,
                after,
            )
        )
    return jobs


def _stop_groups(material: Material, config: TrainConfig, grid: Rows, number: int) -> frozenset[str]:
    if config.mode == "frozen" or config.stop_parts == 0:
        return frozenset()
    chance = config.seed * 1009 + number
    return stop_groups(material.groups[grid], material.truth[grid], chance, config.stop_parts)


def _final_job(material: Material, config: TrainConfig, folder: RunFolder, done: Sequence[Done]) -> Job:
    """Return the job on all train groups, for as many epochs as the folds' models took in the median."""
    epochs = round(float(np.median([d.epochs for d in done]))) if done else config.epochs
    none = np.empty(0, np.intp)
    return Job("final model", len(done), folder.final, material.learn, none, material.test, epochs, 0)


def _finish(job: Job, material: Material, done: Done) -> Done:
    groups = sorted(set(material.groups[job.held].tolist()))
    values = {"held_groups": groups, "epochs": done.epochs, "margins": done.margins.tolist()}
    finished_utc = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    write_json(job.folder / DONE_FILE, values | {"finished_utc": finished_utc})
    (job.folder / STATE_FILE).unlink(missing_ok=True)
    return done


def _load_done(job: Job) -> Done | None:
    file = job.folder / DONE_FILE
    if not file.exists():
        return None
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        done = Done(int(values["epochs"]), np.array(values["margins"], np.float64))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file} is damaged ({error}); delete {job.folder}, this model starts anew") from error
    if len(done.margins) != len(job.held):
        raise UsageError(f"{file} is of other tiles; delete {job.folder}, this model starts anew")
    return done


def _write_scores(folder: RunFolder, material: Material, fold_of: Rows, done: Sequence[Done]) -> None:
    margins = np.zeros(len(material.score))
    for number, model in enumerate(done[:-1]):
        margins[fold_of == number] = model.margins
    rows = np.concatenate([material.score if len(fold_of) else fold_of, material.test])
    folds = [*fold_of.tolist(), *[TEST_FOLD] * len(material.test)]
    all_margins = np.concatenate([margins[: len(fold_of)], done[-1].margins])
    tiles = [material.tiles[row] for row in rows]
    try:
        write_scores(folder.scores, material.pictures, tiles, material.cutting, folds, all_margins)
    except OSError as error:
        folder.scores.with_suffix(".tmp").unlink(missing_ok=True)
        raise cannot_write(folder.scores, error) from error
