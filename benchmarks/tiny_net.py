"""A small net for grey pictures, made on the fly: eight convolutions, 0.25 GFLOP a tile, weights drawn at random.

What it says means nothing; what it costs is what a network costs that was made for one product on a small computer.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from edge_inspector.bundle.seal import sealed_json

TILE = 256
HEAT = 8
WIDTHS_STRIDES = ((16, 2), (32, 2), (48, 2), (64, 1), (96, 2), (128, 1), (128, 2), (128, 1))
N_GOLDEN = 12
QUIET_MARGIN = -4.0
"""Margin of an ordinary tile: score 0.018, far below the limit, as on a line that makes good parts."""

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


def write_tiny_net(folder: Path) -> Path:
    """Write the bundle into `folder` and return it; its golden answers are ONNX Runtime's own."""
    golden = folder / "golden"
    golden.mkdir(parents=True)
    tiles = np.stack([_surface(seed, has_spot=seed % 2 == 1) for seed in range(N_GOLDEN)])
    # The bias is set so that what this net says of a good surface lies where good surfaces lie.
    _, heat = _answers(_graph(0.0), tiles)
    graph = _graph(QUIET_MARGIN - float(heat.mean()))
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    scores, heat = _answers(graph, tiles)
    entries = []
    for i, tile in enumerate(tiles):
        cv2.imwrite(str(golden / f"{i:02}.png"), tile)
        y, x = np.unravel_index(int(heat[i].argmax()), (HEAT, HEAT))
        entries.append(
            {
                "file": f"{i:02}.png",
                "label": "DEFECT" if i % 2 else "OK",
                "scores": [float(score) for score in scores[i]],
                "heat_peak": float(heat[i, y, x]),
                "heat_peak_yx": [int(y), int(x)],
            }
        )
    expected = {"tolerance": {"score": 0.001, "peak": 0.01}, "fp32": entries}
    (golden / "expected.json").write_text(json.dumps(expected))
    (folder / "manifest.json").write_bytes(sealed_json(_manifest(folder)))
    return folder


def _surface(seed: int, has_spot: bool) -> Pixels:
    random = np.random.default_rng(seed)
    grey = 150 + random.normal(0, 6, (TILE, 1)) + random.normal(0, 6, (TILE, TILE))
    if has_spot:
        rows, columns = np.mgrid[:TILE, :TILE]
        y, x = random.uniform(40, TILE - 40, 2)
        grey[np.hypot(rows - y, columns - x) < 20] = 30
    return grey.clip(0, 255).astype(np.uint8)[:, :, None]


def _answers(graph: onnx.ModelProto, tiles: Pixels) -> tuple[Floats, Floats]:
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    scores, heat = session.run(["scores", "heat"], {"tiles": tiles})
    return scores, heat


def _graph(bias: float) -> onnx.ModelProto:
    random = np.random.default_rng(7)
    nodes = [
        helper.make_node("Transpose", ["tiles"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["nchw"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["grey", "middle"], ["centred"]),
        helper.make_node("Div", ["centred", "range"], ["x0"]),
    ]
    weights = {"middle": np.float32(127), "range": np.float32(128), "axis": np.array([1], np.int64)}
    channels = 1
    for i, (width, stride) in enumerate(WIDTHS_STRIDES):
        scale = np.sqrt(2 / (9 * channels))  # keeps the size of the activations from layer to layer
        weights[f"w{i}"] = (random.normal(0, scale, (width, channels, 3, 3))).astype(np.float32)
        weights[f"b{i}"] = random.normal(0, 0.1, width).astype(np.float32)
        nodes.append(
            helper.make_node(
                "Conv", [f"x{i}", f"w{i}", f"b{i}"], [f"c{i}"], pads=[1, 1, 1, 1], strides=[stride, stride]
            )
        )
        nodes.append(helper.make_node("Relu", [f"c{i}"], [f"x{i + 1}"]))
        channels = width
    weights["cam"] = random.normal(0, 0.01, (1, channels, 1, 1)).astype(np.float32)
    weights["cam_bias"] = np.array([bias], np.float32)
    nodes += [
        helper.make_node("Conv", [f"x{len(WIDTHS_STRIDES)}", "cam", "cam_bias"], ["map"]),
        helper.make_node("ReduceMean", ["map"], ["margin"], axes=[2, 3], keepdims=0),
        helper.make_node("Neg", ["margin"], ["calm"]),
        helper.make_node("Sigmoid", ["calm"], ["ok"]),
        helper.make_node("Sigmoid", ["margin"], ["defect"]),
        helper.make_node("Concat", ["ok", "defect"], ["scores"], axis=1),
        helper.make_node("Squeeze", ["map", "axis"], ["heat"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny-net",
        [helper.make_tensor_value_info("tiles", TensorProto.UINT8, ["n", TILE, TILE, 1])],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("heat", TensorProto.FLOAT, ["n", HEAT, HEAT]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    # Opset 17 and IR 8 are what every ONNX Runtime of the last years reads.
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _manifest(folder: Path) -> dict[str, object]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    files = {
        path.relative_to(folder).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "size": path.stat().st_size,
        }
        for path in paths
    }
    return {
        "format": "insp-model/1",
        "name": "tiny-net",
        "version": "1.0.0",
        "build": 1,
        "created_utc": "2026-01-01T00:00:00Z",
        "labels": ["OK", "DEFECT"],
        "tile": {"height": TILE, "width": TILE},
        "channels": 1,
        "overlap": 0,
        "heat": {"height": HEAT, "width": HEAT},
        "input": "tiles",
        "outputs": {"scores": "scores", "heat": "heat"},
        "limits": {"DEFECT": 0.5},
        "calibration": {"method": "none: weights drawn at random"},
        "training": {"data": "none"},
        "metrics": {},
        "licence": "Apache-2.0",
        "precisions": {"fp32": "model.onnx"},
        "files": files,
    }
