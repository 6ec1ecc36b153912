"""The step `quantize`: tries every way, measures each against fp32, keeps the best."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx
from rich.progress import Progress

from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import U8
from export.judge.calibrate import load_calibration
from export.ship.differ import compare
from export.ship.files import write_json
from export.ship.graph import open_bytes, run_tiles
from export.ship.material import Material, calibration_tiles, choose
from export.ship.quantize import STRIDE, Ranges, Recipe, prepare_graph, quantize_graph
from export.whole_file import write_whole

Way = tuple[Recipe, dict[str, float], bytes]
"""How it was quantised, what was measured, the graph."""

METHODS = ("MinMax", "Percentile", "Entropy")
FLOAT_CONVS = ((0, 0), (0, 1), (2, 1), (3, 1), (6, 1))
"""First and last convolutions in float: none; the one that makes the heat map; and, besides, those of the first stages,
from which most of the error came. Their maps are large: of EfficientNet-Lite0 the first six take half of the time."""

MOST_FIRST = 1 / 8
"""Share of all convolutions that the first ones in float may be: in a small network they are most of the work."""

AS_GOOD = 0.01
"""Of the spread of the margin: errors that lie closer to the smallest are chance, and float costs time."""

MEASURED_TILES = 400
"""To choose by: other training tiles than those that the ranges come from."""


def choose_int8(material: Material, report: Any = print) -> Recipe:
    """Write model.int8.onnx and, as quantization.json, what was measured; returns how it was made.

    Args:
        material: Dataset and run; model.onnx is there.
        report: Takes one sentence for each way.

    Raises:
        UsageError: model.onnx is missing, there are too few tiles, or the graph cannot be quantised.
    """
    run = material.run
    source = run.need(run.model, "onnx")
    used = calibration_tiles(material)
    if len(used) < STRIDE:
        raise UsageError(
            f"{len(used)} training tiles are too few to calibrate INT8, {STRIDE} are the least; label more"
        )
    known = set(used)
    others = choose([tile for tile in material.tiles_of("train") if tile not in known], MEASURED_TILES) or used
    tiles, seen = material.pixels(used[: len(used) // STRIDE * STRIDE]), material.pixels(others)
    limit = load_calibration(run.path).limit
    found = try_all(source, tiles, seen, limit, report)
    best = fastest_of_the_best(found)
    write_whole(run.model_int8, best[2])
    measured = [asdict(recipe) | numbers for recipe, numbers, _ in found]
    write_json(
        run.quantization,
        {
            "version": 1,
            "fp32_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            "chosen": asdict(best[0]),
            "by": f"the fewest convolutions in float of those whose error of the margin is within {AS_GOOD} of the "
            "smallest, on training tiles that the ranges do not come from",
            "calibration_tiles": len(tiles),
            "measured_tiles": len(seen),
            "limit": limit,
            "measured": measured,
        },
    )
    return best[0]


def fastest_of_the_best(found: Sequence[Way]) -> Way:
    """Return the way with the fewest convolutions in float among those that are as good as the best."""
    most = min(numbers["margin_rms"] for _, numbers, _ in found) + AS_GOOD
    good = [way for way in found if way[1]["margin_rms"] <= most]
    return min(good, key=lambda way: (way[0].first_float, way[0].last_float, way[1]["margin_rms"]))


def try_all(source: Path, tiles: U8, seen: U8, limit: float, report: Any) -> list[Way]:
    """Return each way with its numbers and its graph.

    Args:
        source: model.onnx.
        tiles: uint8 (n, side, side, 3), for the ranges.
        seen: The same, to measure on.
        limit: Score from which a tile counts.
        report: Takes one sentence for each way.
    """
    prepared = prepare_graph(source)
    n_convs = sum(node.op_type == "Conv" for node in prepared.graph.node)
    exact = run_tiles(open_bytes(source.read_bytes()), seen)
    found = []
    ways = [(method, kept) for method in METHODS for kept in FLOAT_CONVS if kept[0] <= n_convs * MOST_FIRST]
    with Progress() as bar, Ranges() as ranges:
        for method, kept in bar.track(ways, description="quantize"):
            recipe = Recipe(method, *kept)  # type: ignore[arg-type]
            graph = quantize_graph(prepared, tiles, recipe, ranges).SerializeToString()
            numbers = compare(exact, run_tiles(open_bytes(graph), seen), limit)
            report(f"{recipe.name}: {numbers['flips']} verdict flips, margin {numbers['margin_rms']:.3f} off")
            found.append((recipe, numbers, graph))
    return found


def operators_of(file: Path) -> set[str]:
    """Return the names of a graph's operators."""
    return {node.op_type for node in onnx.load(str(file)).graph.node}
