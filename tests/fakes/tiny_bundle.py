"""A bundle that costs almost nothing to run and truly separates dark spots from light metal.

The graph has the shape of a real one (conv -> global average pooling -> linear, so the mean of the heat map is the
margin), with weights written by hand: each 4x4 block darker than grey 100 is evidence. A spot of grey 30 and 12 px
across covers at least one whole block, light metal of grey 150 +- 20 none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from edge_inspector.bundle.seal import sealed_json

BLOCK_PX = 4
"""Side of the blocks whose mean grey is judged."""
CELL_PX = 8
"""Side of a heat cell: two blocks."""
DARK = 100.0
"""A block darker than this is evidence."""
GAIN = 10.0
"""Margin that one wholly dark block adds; with REST, 0.6 of a block is already a score above 0.9."""
REST = -3.0
"""Margin of a clean tile: score 0.047."""

NEAR = -0.1
"""Added to the margin by an int8 graph that is `near`."""
WRONG = 2.0
"""The same of one that is `wrong`."""

Tiles = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def write_tiny_bundle(
    folder: Path,
    tile: tuple[int, int] = (64, 64),
    channels: int = 3,
    *,
    name: str = "tiny-spots",
    version: str = "1.0.0",
    limit: float = 0.5,
    overlap: int = 0,
    labels: Sequence[str] = ("OK", "DEFECT"),
    nan_on_white: bool = False,
    nan_always: bool = False,
    score_columns: int = 2,
    graph_tile: tuple[int, int] | None = None,
    graph_channels: int | None = None,
    float_input: bool = False,
    heat_cells: tuple[int, int] | None = None,
    golden_shift: float = 0.0,
    tolerance: float = 0.01,
    graph_bytes: bytes | None = None,
    int8: str = "",
) -> Path:
    """Write a bundle into `folder` and return it. By default everything about it is right.

    Args:
        folder: Made with its parents; must not hold other files.
        tile: Height and width, multiples of 8.
        channels: 1 or 3.
        name: Manifest name.
        version: Manifest version.
        limit: Limit of the defect label.
        overlap: As the manifest says.
        labels: As the manifest says; the graph always has `score_columns`.
        nan_on_white: The graph answers NaN for a tile whose mean grey is above 250, and only for such: the golden
            tiles pass, the line meets the NaN later.
        nan_always: The graph answers NaN for everything, so the self-test must fail.
        score_columns: Columns the graph truly gives.
        graph_tile: Tile size of the graph where it differs from the manifest.
        graph_channels: Channels of the graph where they differ from the manifest.
        float_input: The graph wants float32 instead of uint8.
        heat_cells: Heat rows and columns of the manifest where they differ from the graph.
        golden_shift: Added to the expected DEFECT scores, so that the self-test must fail.
        tolerance: Score tolerance of the golden tiles.
        graph_bytes: Written as model.onnx instead of the graph.
        int8: Also a second graph, called int8: `same` as the first, `slow` with the same answers after far more work,
            `fast` where it is the first that works in vain, `near` with answers within the tolerance that change a
            verdict close to the limit, `wrong` with others.
    """
    golden = folder / "golden"
    golden.mkdir(parents=True, exist_ok=True)
    graph = _graph(
        graph_tile or tile, graph_channels or channels, score_columns, nan_on_white, nan_always, float_input,
        is_slow=int8 == "fast",
    )  # fmt: skip
    (folder / "model.onnx").write_bytes(graph_bytes if graph_bytes is not None else graph.SerializeToString())
    if int8:
        other = _graph(
            graph_tile or tile, graph_channels or channels, score_columns, nan_on_white, nan_always, float_input,
            rest=REST + {"near": NEAR, "wrong": WRONG}.get(int8, 0.0), is_slow=int8 == "slow",
        )  # fmt: skip
        (folder / "model.int8.onnx").write_bytes(other.SerializeToString())
    precisions = {"fp32": "model.onnx"} | ({"int8": "model.int8.onnx"} if int8 else {})
    _write_golden(golden, tile, channels, labels, golden_shift, tolerance, list(precisions))
    manifest = {
        "format": "insp-model/1",
        "name": name,
        "version": version,
        "build": 1,
        "created_utc": "2026-01-01T00:00:00Z",
        "labels": list(labels),
        "tile": {"height": tile[0], "width": tile[1]},
        "channels": channels,
        "overlap": overlap,
        "heat": dict(zip(("height", "width"), heat_cells or (tile[0] // CELL_PX, tile[1] // CELL_PX), strict=True)),
        "input": "tiles",
        "outputs": {"scores": "scores", "heat": "heat"},
        "limits": dict.fromkeys(labels[1:], limit),
        "calibration": {"method": "none: weights written by hand"},
        "training": {"data": "none"},
        "metrics": {},
        "licence": "Apache-2.0",
        "precisions": precisions,
    }
    write_manifest(folder, manifest)
    return folder


def write_manifest(folder: Path, manifest: dict[str, object]) -> None:
    """Write manifest.json with the sha256 and size of every other file as they now are, and its own checksum."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json")
    files = {
        p.relative_to(folder).as_posix(): {
            "sha256": hashlib.sha256(p.read_bytes()).hexdigest(),
            "size": p.stat().st_size,
        }
        for p in paths
    }
    (folder / "manifest.json").write_bytes(sealed_json(manifest | {"files": files}))


def draw_tile(tile: tuple[int, int], channels: int, seed: int, spot_px: int = 0) -> Tiles:
    """Return brushed light metal, shape (h, w, c), with a dark spot of `spot_px` across somewhere; 0 for none."""
    rng = np.random.default_rng(seed)
    grey = 150.0 + rng.normal(0, 6, (tile[0], 1)) + rng.normal(0, 6, tile)
    if spot_px:
        radius = spot_px / 2
        y, x = (rng.uniform(radius, side - 1 - radius) for side in tile)
        rows, columns = np.mgrid[: tile[0], : tile[1]]
        grey[np.hypot(rows - y, columns - x) <= radius] = 30
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[:, :, None], channels, axis=2)


def expected_answer(tiles: Tiles) -> tuple[Floats, Floats]:
    """Return (scores [n, 2], heat [n, h', w']) of tiles [n, h, w, c], computed without the graph."""
    n, height, width, _ = tiles.shape
    grey = tiles.astype(np.float32).mean(axis=3)
    blocks = grey.reshape(n, height // BLOCK_PX, BLOCK_PX, width // BLOCK_PX, BLOCK_PX).mean(axis=(2, 4))
    evidence = ((DARK - blocks) / (DARK - 30.0)).clip(0.0, 1.0)
    cells = evidence.reshape(n, height // CELL_PX, 2, width // CELL_PX, 2).mean(axis=(2, 4))
    heat = cells * _gain((height, width)) + REST
    defect = 1.0 / (1.0 + np.exp(-heat.mean(axis=(1, 2))))
    return np.stack([1.0 - defect, defect], axis=1).astype(np.float32), heat.astype(np.float32)


def _gain(tile: tuple[int, int]) -> float:
    """Return what a heat cell adds per unit of evidence, so that one dark block adds GAIN to the mean over cells."""
    return GAIN * (tile[0] // BLOCK_PX) * (tile[1] // BLOCK_PX)


def _write_golden(
    golden: Path, tile: tuple[int, int], channels: int, labels: Sequence[str], shift: float, tolerance: float,
    precisions: Sequence[str],
) -> None:  # fmt: skip
    entries = []
    for i in range(4):
        has_spot = i % 2 == 1
        pixels = draw_tile(tile, channels, seed=i, spot_px=16 if has_spot else 0)
        cv2.imwrite(str(golden / f"{i:02}.png"), pixels[:, :, ::-1] if channels == 3 else pixels)
        scores, heat = expected_answer(pixels[None])
        peak = np.unravel_index(int(heat[0].argmax()), heat[0].shape)
        defect = float(np.clip(scores[0, 1] + (shift if not has_spot else -shift), 0.0, 1.0))
        entries.append(
            {
                "file": f"{i:02}.png",
                "label": labels[1] if has_spot else "OK",
                "scores": [1.0 - defect, defect] + [0.0] * (len(labels) - 2),
                "heat_peak": float(heat[0][peak]),
                "heat_peak_yx": [int(peak[0]), int(peak[1])],
            }
        )
    expected = {"tolerance": {"score": tolerance, "peak": 1.0}} | dict.fromkeys(precisions, entries)
    (golden / "expected.json").write_text(json.dumps(expected, indent=1), encoding="utf-8")


def _graph(
    tile: tuple[int, int], channels: int, columns: int, nan_on_white: bool, nan_always: bool, float_input: bool,
    rest: float = REST, is_slow: bool = False,
) -> onnx.ModelProto:  # fmt: skip
    height, width = tile
    nodes = [
        helper.make_node("Cast", ["tiles"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "kernel", "bias"], ["darkness"], strides=[BLOCK_PX, BLOCK_PX]),
        helper.make_node("Clip", ["darkness", "zero", "one"], ["evidence"]),
        helper.make_node("AveragePool", ["evidence"], ["features"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["features", "weight", "rest"], ["map"]),
        helper.make_node("Squeeze", ["map", "axis_1"], ["heat"]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
        helper.make_node("Reshape", ["pooled", "column"], ["clean_margin"]),
        *_nan_nodes(nan_on_white, nan_always, "cheap" if is_slow else "margin"),
        *(_work_nodes() if is_slow else ()),
        helper.make_node("Sigmoid", ["margin"], ["defect"]),
        helper.make_node("Sub", ["one", "defect"], ["ok"]),
        helper.make_node("Concat", ["ok", *["defect"] * (columns - 1)], ["scores"], axis=1),
    ]
    depth = DARK - 30.0
    weights = {
        "kernel": np.full((1, channels, BLOCK_PX, BLOCK_PX), -1.0 / (BLOCK_PX**2 * channels * depth), np.float32),
        "bias": np.array([DARK / depth], np.float32),
        "zero": np.array(0.0, np.float32),
        "one": np.array(1.0, np.float32),
        "weight": np.full((1, 1, 1, 1), _gain(tile), np.float32),
        "rest": np.array([rest], np.float32),
        "axis_1": np.array([1], np.int64),
        "column": np.array([-1, 1], np.int64),
    }
    if is_slow:
        weights["wide"] = np.full((32, channels, 9, 9), 1e-3, np.float32)
        weights["wider"] = np.full((32, 32, 9, 9), 1e-3, np.float32)
    if nan_on_white:
        weights["white"] = np.array(250.0, np.float32)
    kind = TensorProto.FLOAT if float_input else TensorProto.UINT8
    graph = helper.make_graph(
        nodes,
        "tiny-spots",
        [helper.make_tensor_value_info("tiles", kind, ["n", height, width, channels])],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", columns]),
            helper.make_tensor_value_info("heat", TensorProto.FLOAT, ["n", height // CELL_PX, width // CELL_PX]),
        ],
        [onnx.numpy_helper.from_array(value, key) for key, value in weights.items()],
    )
    # Opset 17 and IR 8 are what every ONNX Runtime of the last years reads.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def _work_nodes() -> list[onnx.NodeProto]:
    """Return the nodes from `cheap` to `margin` that work for long and add nothing."""
    return [
        helper.make_node("Conv", ["nchw", "wide"], ["worked"], strides=[2, 2]),
        helper.make_node("Conv", ["worked", "wider"], ["worked_on"]),
        helper.make_node("ReduceMean", ["worked_on"], ["mean_n111"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Reshape", ["mean_n111", "column"], ["mean"]),
        helper.make_node("Mul", ["mean", "zero"], ["in_vain"]),
        helper.make_node("Add", ["cheap", "in_vain"], ["margin"]),
    ]


def _nan_nodes(nan_on_white: bool, nan_always: bool, margin: str) -> list[onnx.NodeProto]:
    """Return the nodes from `clean_margin` to the margin: nothing, or zero times the root of a negative number."""
    if nan_always:
        return [
            helper.make_node("Sub", ["zero", "one"], ["minus_one"]),
            helper.make_node("Sqrt", ["minus_one"], ["poison"]),
            helper.make_node("Add", ["clean_margin", "poison"], [margin]),
        ]
    if nan_on_white:
        return [
            helper.make_node("GlobalAveragePool", ["nchw"], ["grey_nc11"]),
            helper.make_node("ReduceMean", ["grey_nc11"], ["grey_n111"], axes=[1], keepdims=1),
            helper.make_node("Reshape", ["grey_n111", "column"], ["grey"]),
            helper.make_node("Sub", ["white", "grey"], ["headroom"]),
            helper.make_node("Sqrt", ["headroom"], ["root"]),
            helper.make_node("Mul", ["root", "zero"], ["nothing"]),
            helper.make_node("Add", ["clean_margin", "nothing"], [margin]),
        ]
    return [helper.make_node("Identity", ["clean_margin"], [margin])]
