"""Put a run together as a bundle `insp-model/1`, and read it back as the line would."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_inspector.bundle.document import TEXT, shown
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.manifest import FORMAT, MANIFEST_FILE, NAME, VERSION
from edge_inspector.bundle.seal import sealed_json
from edge_inspector.bundle.signature import ANYONE, SIGNATURE_FILE
from edge_inspector.core.errors import UsageError
from export.data.index import CELL_PX, data_sha256
from export.judge.calibrate import load_calibration
from export.run_folder import DONE_FILE, WEIGHTS_FILE, RunFolder
from export.ship.files import read_json, whole_folder
from export.ship.golden import LABELS, choose_golden, write_golden
from export.ship.graph import open_session, run_tiles
from export.ship.keys import sign
from export.ship.material import Material, proof_tiles, train_config
from export.ship.pack import packed, top_of

GOLDEN_FROM = 600
"""Tiles that golden ones are chosen from."""

_MOMENT = "%Y-%m-%dT%H:%M:%SZ"

_WHOLE = (
    "the dataset is of mode `whole`: its pictures were resized to one tile each, and the line does not resize, so this "
    "model would judge other pictures than it learned from; make a dataset of mode `grid` and train on that"
)


_WORDS = (
    ("name", NAME, "1 to 64 of a-z, 0-9 and . _ -, the first a letter or a digit, such as bsdata-pitting"),
    ("version", VERSION, "1 to 32 of letters, digits and . + _ -, the first a letter or a digit, such as 1.0.0"),
    ("licence", TEXT, "one line of 1 to 4000 letters"),
)
"""What the line will ask of the manifest, and how it is said to a person: before the work, not after it."""


@dataclass(frozen=True, slots=True)
class BundleText:
    """What a person decides about a bundle.

    Raises:
        UsageError: The line would take no manifest that says so.
    """

    name: str
    version: str
    build: int
    licence: str
    data_name: str
    data_licence: Path
    """Text of the licence of the golden tiles."""
    data_attribution: Path
    """Who made the pictures, and what was changed."""

    def __post_init__(self) -> None:
        """Look at each word before anything is made of it."""
        for word, pattern, form in _WORDS:
            value: str = getattr(self, word)
            if re.fullmatch(pattern, value) is None:
                raise UsageError(f"--{word} {shown(value)} cannot stand in a bundle; give {form}")


def write_bundle(
    material: Material,
    out: Path,
    text: BundleText,
    key: Ed25519PrivateKey | None = None,
    *,
    fp32_only: bool = False,
    zip_file: Path | None = None,
) -> Bundle:
    """Write the bundle of a run into the new folder `out`, and return it as the line reads it.

    The same run gives the same bytes: its time of creation is when its final model was done.

    Args:
        material: Dataset and run.
        out: A folder that is not there yet; it is there afterwards whole, or not at all.
        text: What a person decides.
        key: Signs it; None leaves it unsigned.
        fp32_only: Leaves INT8 out though the run has it.
        zip_file: Gets the same as one .zip, read back too; replaced when it is there. None for none.

    Raises:
        UsageError: `out` is there already, a step is missing or stale, or a precision is beyond the tolerance.
        BundleError: What was written does not pass the line's own checks.
    """
    if material.cutting.mode == "whole":
        raise UsageError(_WHOLE)
    graphs, parity = proven_graphs(material, fp32_only)
    with ExitStack() as zipped:
        with whole_folder(out) as draft:
            _fill(draft, material, text, graphs, parity)
            if key is not None:
                (draft / SIGNATURE_FILE).write_bytes(sign((draft / MANIFEST_FILE).read_bytes(), key))
            for precision in graphs:
                read = load_bundle(draft, precision, trust=ANYONE)
            if zip_file is not None:  # before the folder has its name: with room for one of the two, none is there
                zipped.enter_context(packed(draft, zip_file, top_of(read.manifest), graphs))
        return load_bundle(out, trust=ANYONE)


def proven_graphs(material: Material, fp32_only: bool = False) -> tuple[dict[str, Path], dict[str, Any]]:
    """Return the graphs that `verify` found right, by precision, and what it measured.

    Raises:
        UsageError: `verify` did not run on just these graphs, or found one beyond the tolerance; or `calibrate` ran
            again since `evaluate` or `verify`.
    """
    run = material.run
    metrics = read_json(run.metrics, "evaluate")
    graphs = {"fp32": run.need(run.model, "onnx")}
    if run.model_int8.exists() and not fp32_only:
        graphs["int8"] = run.model_int8
    parity = read_json(run.parity, "verify")
    _check_calibration(run, {run.metrics: metrics, run.parity: parity})
    for precision, file in graphs.items():
        if parity.get("files", {}).get(file.name) != hashlib.sha256(file.read_bytes()).hexdigest():
            raise UsageError(f"{run.parity} is of another {file.name} than lies there; run again: export verify")
        if faults := parity["faults"][precision]:
            remedy = "; leave INT8 out with --fp32-only" if precision == "int8" else ""
            raise UsageError(f"{file} is not bundled: {'; '.join(faults)}{remedy}")
    return graphs, parity


def _check_calibration(run: RunFolder, measured: Mapping[Path, dict[str, Any]]) -> None:
    """Refuse what was measured with another calibration: the graph scores by that one, the limit would be of this."""
    ours = load_calibration(run.path).sha256
    if stale := [file for file, values in measured.items() if values.get("calibration_sha256") != ours]:
        raise UsageError(
            f"{stale[0]} is of another calibration than {run.calibration.name} holds now; run again: export evaluate, "
            "onnx, quantize, verify"
        )


def list_files(folder: Path) -> dict[str, dict[str, object]]:
    """Return sha256 and size of every file below a folder, as the manifest lists them."""
    return {
        path.relative_to(folder).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "size": path.stat().st_size,
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (MANIFEST_FILE, SIGNATURE_FILE)
    }


def _fill(
    folder: Path, material: Material, text: BundleText, graphs: Mapping[str, Path], parity: dict[str, Any]
) -> None:
    golden = folder / "golden"
    golden.mkdir()
    for file in graphs.values():
        shutil.copyfile(file, folder / file.name)
    shutil.copyfile(text.data_licence, golden / "LICENSE")
    shutil.copyfile(text.data_attribution, golden / "ATTRIBUTION.md")
    calibration = read_json(material.run.calibration, "calibrate")
    _fill_golden(golden, material, graphs, float(calibration["limit"]))
    named = {precision: file.name for precision, file in graphs.items()}
    manifest = _manifest(material, text, calibration, parity) | {"precisions": named, "files": list_files(folder)}
    (folder / MANIFEST_FILE).write_bytes(sealed_json(manifest))


def _fill_golden(golden: Path, material: Material, graphs: Mapping[str, Path], limit: float) -> None:
    tiles = proof_tiles(material, GOLDEN_FROM).tiles
    pixels = material.pixels(tiles)
    scores, _ = run_tiles(open_session(graphs["fp32"]), pixels)
    rows = choose_golden(material.pictures, tiles, scores[:, 1], limit)
    answers = {precision: run_tiles(open_session(file), pixels[rows]) for precision, file in graphs.items()}
    write_golden(golden, pixels[rows], [tiles[row].is_defect for row in rows], answers)


def _manifest(
    material: Material, text: BundleText, calibration: dict[str, Any], parity: dict[str, Any]
) -> dict[str, Any]:
    run = material.run
    limit, side = float(calibration["limit"]), material.cutting.tile_px
    return {
        "format": FORMAT,
        "name": text.name,
        "version": text.version,
        "build": text.build,
        "created_utc": created_utc(material),
        "labels": list(LABELS),
        "tile": {"height": side, "width": side},
        "channels": 3,
        "overlap": 0,
        "heat": {"height": side // CELL_PX, "width": side // CELL_PX},
        "input": "tiles",
        "outputs": {"scores": "scores", "heat": "heat"},
        "limits": {"DEFECT": limit},
        "calibration": {"on": "the margin z_defect - z_ok, inside the graph"} | calibration,
        "training": _training(material, text),
        "metrics": read_json(run.metrics, "evaluate") | {"parity": parity},
        "licence": text.licence,
    }


def _training(material: Material, text: BundleText) -> dict[str, Any]:
    pictures, config = material.pictures, train_config(material.run)
    tiles = Counter(LABELS[tile.is_defect] for tile in material.tiles_of("train"))
    return {
        "data": text.data_name,
        "data_sha256": data_sha256(pictures),
        "pictures": dict(Counter(picture.split for picture in pictures)),
        "groups": {
            split: sorted({p.group for p in pictures if p.split == split})
            for split in sorted({p.split for p in pictures})
        },
        "tiles_train": dict(sorted(tiles.items())),
        "config": config,
    }


def created_utc(material: Material) -> str:
    """Return when the final model was done, for the manifest: as it was written down, since copies lose files' times.

    Raises:
        UsageError: There is no final model, or its done.json is damaged.
    """
    run = material.run
    weights, done = run.need(run.final / WEIGHTS_FILE, "train"), run.final / DONE_FILE
    try:
        return datetime.fromisoformat(json.loads(done.read_bytes())["finished_utc"]).strftime(_MOMENT)
    except (FileNotFoundError, KeyError):  # a run of before that was written down
        return datetime.fromtimestamp(int(weights.stat().st_mtime), UTC).strftime(_MOMENT)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{done} is damaged ({error}); {run.anew(run.final)}") from error
