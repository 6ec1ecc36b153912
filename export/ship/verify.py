"""The step `verify`: torch, fp32 and INT8 answer the same tiles; how far apart, and how fast."""

from __future__ import annotations

import hashlib
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from rich.progress import Progress
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]

from edge_inspector.bundle.golden import MOST_FLIPS
from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import F32, U8
from export.judge.calibrate import Calibration, load_calibration
from export.run_folder import RunFolder
from export.ship.differ import compare
from export.ship.files import read_json, write_json
from export.ship.graph import open_session, run_tiles
from export.ship.material import Material, Proof, load_final, proof_tiles
from export.ship.to_onnx import PARITY, ask_torch, gaps

MOST_TILES = 2000
"""More would narrow the flips' uncertainty by less than the pictures' choice widens it, and take minutes."""

MOST_AUROC_DROP = 0.005

CHUNK = 8
"""Tiles of one run, as the line asks."""

ROUNDS = 30
"""Runs of each graph that the medians are of, turn and turn about: what slows this computer slows both."""


def verify(material: Material, most: int = MOST_TILES, rounds: int = ROUNDS) -> dict[str, Any]:
    """Compare the graphs of a run with its network and with each other; leave parity.json, and return it.

    `faults` of it has a list for each precision: what is beyond the tolerance, empty when nothing is.

    Raises:
        UsageError: A step before is missing, or INT8 was made from another fp32 graph.
    """
    run = material.run
    network, calibration = load_final(run.path), load_calibration(run.path)
    fp32 = run.need(run.model, "onnx")
    _check_source(run, fp32)
    proof = proof_tiles(material, most)
    pixels = material.pixels(proof.tiles)
    truth = np.array([tile.is_defect for tile in proof.tiles])
    with Progress() as bar:
        task = bar.add_task(f"compare on {len(pixels)} tiles", total=3)
        exact = run_tiles(open_session(fp32), pixels)
        bar.advance(task)
        torch_gaps = gaps(ask_torch(network, calibration, pixels), exact)
        bar.advance(task)
        result = _header(proof, truth, calibration) | {"torch_to_fp32": _named(torch_gaps)}
        faults = {"fp32": _fp32_faults(torch_gaps)}
        hashes = {fp32.name: _sha256(fp32)}
        if (int8 := run.model_int8).exists():
            other = run_tiles(open_session(int8), pixels)
            found = compare(exact, other, calibration.limit)
            areas = _areas(truth, exact[1], other[1])
            result["fp32_to_int8"] = found | {"flip_share": found["flips"] / len(pixels)} | areas
            result["speed"] = time_both(fp32, int8, pixels[:CHUNK], rounds)
            faults["int8"] = int8_faults(result["fp32_to_int8"])
            hashes[int8.name] = _sha256(int8)
        bar.advance(task)
    result |= {"files": hashes, "faults": faults}
    write_json(run.parity, result)
    return result


def int8_faults(change: dict[str, Any]) -> list[str]:
    """Return what of INT8 is beyond the tolerance."""
    faults = []
    if not change["flip_share"] <= MOST_FLIPS:
        faults.append(f"INT8 changes {change['flip_share']:.2%} of the verdicts, {MOST_FLIPS:.1%} are allowed")
    drop = change["auroc_drop"]
    if drop is not None and not drop <= MOST_AUROC_DROP:
        faults.append(f"INT8 lowers the AUROC by {drop:.4f}, {MOST_AUROC_DROP} are allowed")
    return faults


def sentences(result: dict[str, Any]) -> list[str]:
    """Return what was measured, for people; what is beyond the tolerance is not among it."""
    tiles, gap = result["tiles"], result["torch_to_fp32"]
    told = [
        f"{tiles['n']} tiles ({tiles['n_defect']} DEFECT) of {tiles['from']}",
        f"torch to fp32: a score differs by {gap['score_gap']:.1e} at most, heat by {gap['heat_gap']:.1e} of its range",
    ]
    if "fp32_to_int8" not in result:
        return [*told, "no INT8 graph; `python -m export quantize` makes one"]
    change, speed = result["fp32_to_int8"], result["speed"]
    auroc = "AUROC needs tiles of both kinds"
    if change["auroc_drop"] is not None:
        auroc = f"AUROC {change['auroc_fp32']:.4f} to {change['auroc_int8']:.4f}"
    told.append(
        f"fp32 to INT8: largest difference of a score {change['score_gap']:.3f}; {change['flips']} of {tiles['n']} "
        f"verdicts at the limit {result['limit']:g} change ({change['flip_share']:.2%}); {auroc}; the hottest cell "
        f"moves by more than one cell in {change['peak_moves']:.1%} of the tiles that count"
    )
    ratio = speed["ratio"]
    how = (
        f"INT8 is {ratio:.2f} times as fast" if ratio > 1 else f"INT8 IS SLOWER, {1 / ratio:.2f} times: ship fp32 alone"
    )
    told.append(
        f"a run of {speed['chunk']} tiles on {speed['threads']} threads: fp32 {speed['fp32_ms']:.1f} ms, INT8 "
        f"{speed['int8_ms']:.1f} ms; on this computer {how}"
    )
    return told


def time_both(fp32: Path, int8: Path, tiles: U8, rounds: int, threads: int = 2) -> dict[str, Any]:
    """Return medians of both graphs' run times, measured turn and turn about."""
    sessions = [open_session(file, threads) for file in (fp32, int8)]
    times: list[list[float]] = [[], []]
    for number in range(rounds + 3):  # the first three warm up
        for session, found in zip(sessions, times, strict=True):
            began = time.perf_counter()
            session.run(["scores", "heat"], {"tiles": tiles})
            if number >= 3:
                found.append((time.perf_counter() - began) * 1e3)
    slow, fast = (statistics.median(found) for found in times)
    return {
        "chunk": len(tiles),
        "threads": threads,
        "rounds": rounds,
        "fp32_ms": round(slow, 2),
        "int8_ms": round(fast, 2),
        "ratio": round(slow / fast, 3),
        "machine": platform.machine(),
        "onnxruntime": onnxruntime.__version__,
    }


def _check_source(run: RunFolder, fp32: Path) -> None:
    """Refuse INT8 of another fp32 graph: close by chance on these tiles, it would still hold another calibration."""
    if not run.model_int8.exists():
        return
    if read_json(run.quantization, "quantize").get("fp32_sha256") != _sha256(fp32):
        raise UsageError(
            f"{run.model_int8} was made from another {fp32.name} than lies there; run again: export quantize, or "
            "delete it to ship fp32 alone"
        )


def _header(proof: Proof, truth: Any, calibration: Calibration) -> dict[str, Any]:
    return {
        "version": 1,
        "tiles": {
            "from": proof.says,
            "held_out": proof.is_held_out,
            "n": len(proof.tiles),
            "n_defect": int(truth.sum()),
        },
        "limit": calibration.limit,
        "calibration_sha256": calibration.sha256,
        "tolerance": {"torch": PARITY, "flip_share": MOST_FLIPS, "auroc_drop": MOST_AUROC_DROP},
    }


def _areas(truth: Any, exact: F32, other: F32) -> dict[str, float | None]:
    """Return AUROCs by the margin, the mean of the heat map: near 1 many scores are the same float32."""
    if truth.all() or not truth.any():
        return {"auroc_fp32": None, "auroc_int8": None, "auroc_drop": None}
    before, after = (float(roc_auc_score(truth, heat.mean(axis=(1, 2)))) for heat in (exact, other))
    return {"auroc_fp32": before, "auroc_int8": after, "auroc_drop": before - after}


def _fp32_faults(found: tuple[float, float]) -> list[str]:
    if found[0] <= PARITY and found[1] <= PARITY:
        return []
    return [
        f"the ONNX graph differs from torch: scores by {found[0]:.2g}, heat by {found[1]:.2g}, {PARITY} are allowed"
    ]


def _named(found: tuple[float, float]) -> dict[str, float]:
    return {"score_gap": found[0], "heat_gap": found[1]}


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
