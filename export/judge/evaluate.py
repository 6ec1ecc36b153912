"""What the exported file is worth, on groups that neither training nor calibration has seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]

from edge_inspector.core.frame import U8
from edge_inspector.tile.cut import cut_tiles
from edge_inspector.tile.grid import grid_corners
from export.data.dataset import TILE_HW, Picture, label_tiles, read_index, read_tiles, split_by_group
from export.data.strips import STRIP_HW, Strip, find_strips
from export.judge.calibrate import Numbers, Truth, load_calibration
from export.learn.train import load_config
from export.ship.to_onnx import MODEL_FILE, open_session, run_tiles

METRICS_FILE = "metrics.json"

BOOTSTRAP_ROUNDS = 2000
"""Enough for the two digits of an interval that are worth writing down."""

CALIBRATION_BINS = 10


def evaluate(data: Path, run: Path) -> dict[str, object]:
    """Measure `model.onnx` of a run on the validation groups and leave metrics.json there."""
    pictures = split_by_group(read_index(data), load_config(run).seed).validation
    session, limit = open_session(run / MODEL_FILE), load_calibration(run).limit
    tiles = label_tiles(pictures, overlap=0)
    scores = run_tiles(session, read_tiles(pictures, tiles))[0][:, 1].astype(np.float64)
    truth = np.array([tile.is_defect for tile in tiles])
    groups = np.array([tile.group for tile in tiles])
    low, high = auroc_interval(scores, truth, groups)
    strips = find_strips(pictures)
    metrics: dict[str, object] = {
        "split": "validation groups of index.csv, never trained or calibrated on",
        "groups": sorted(set(groups.tolist())),
        "limit": limit,
        "tile": {
            "auroc": round(float(roc_auc_score(truth, scores)), 4),
            "auroc_interval_95_by_group": [round(low, 4), round(high, 4)],
            "ece": round(calibration_error(scores, truth), 4),
            **counts_at(scores, truth, limit),
        },
        "strip": {
            "height": STRIP_HW[0],
            "width": STRIP_HW[1],
            **counts_at(score_strips(session, pictures, strips), np.array([s.is_defect for s in strips]), limit),
        },
    }
    (run / METRICS_FILE).write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    return metrics


def counts_at(scores: Numbers, truth: Truth, limit: float) -> dict[str, float | int]:
    """Return counts and rates at a limit: an escape is a defect below it, a false reject is sound but counts.

    The score is compared as float32, as the line does.
    """
    counts = scores.astype(np.float32) >= np.float32(limit)
    escapes, false_rejects = int((truth & ~counts).sum()), int((~truth & counts).sum())
    return {
        "ok": int((~truth).sum()),
        "defect": int(truth.sum()),
        "escapes": escapes,
        "escape_rate": round(escapes / max(1, int(truth.sum())), 4),
        "false_rejects": false_rejects,
        "false_reject_rate": round(false_rejects / max(1, int((~truth).sum())), 4),
    }


def auroc_interval(
    scores: Numbers, truth: Truth, groups: npt.NDArray[np.str_], rounds: int = BOOTSTRAP_ROUNDS, seed: int = 1
) -> tuple[float, float]:
    """Return the 95 % interval of the AUROC when whole groups are drawn again: tiles of a part are not independent."""
    chance = np.random.default_rng(seed)
    rows = [np.flatnonzero(groups == group) for group in sorted(set(groups.tolist()))]
    values = []
    for _ in range(rounds):
        drawn = np.concatenate([rows[i] for i in chance.integers(0, len(rows), len(rows))])
        if 0 < truth[drawn].sum() < len(drawn):
            values.append(roc_auc_score(truth[drawn], scores[drawn]))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def calibration_error(scores: Numbers, truth: Truth) -> float:
    """Return the expected calibration error: how far stated probability and share of defects lie apart on average."""
    bins = np.minimum((scores * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [abs(scores[bins == b].sum() - truth[bins == b].sum()) for b in range(CALIBRATION_BINS)]
    return float(sum(gaps) / len(scores))


def score_strips(
    session: onnxruntime.InferenceSession, pictures: Sequence[Picture], strips: Sequence[Strip]
) -> Numbers:
    """Return the highest tile score of each strip, as the line takes it."""
    corners = grid_corners(STRIP_HW, TILE_HW, 0)
    scores, pixels, decoded = [], np.empty((0, 0, 3), np.uint8), -1
    for strip in strips:
        if strip.picture != decoded:
            pixels, decoded = pictures[strip.picture].pixels(), strip.picture
        part: U8 = pixels[strip.y : strip.y + STRIP_HW[0], strip.x : strip.x + STRIP_HW[1]]
        scores.append(float(run_tiles(session, cut_tiles(part, corners, TILE_HW))[0][:, 1].max()))
    return np.array(scores)
