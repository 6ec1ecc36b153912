"""Write network, normalisation and calibration as one ONNX graph, and prove that it is the same function."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edge_inspector.bundle.operators import ALLOWED_OPERATORS
from edge_inspector.core.frame import F32, U8
from export.data.dataset import TILE_HW
from export.judge.calibrate import Calibration
from export.learn.network import TileNet, margin_weights, normalise

MODEL_FILE = "model.onnx"

OPSET = 18
"""Read by every ONNX Runtime since 1.14 (2023)."""

PARITY = 1e-3
"""Largest difference of score and, relative to its range, of heat between torch and ONNX Runtime, both float32."""


class LineNet(nn.Module):
    """What runs on the line: uint8 tiles in, calibrated scores and the heat map out.

    The linear layer becomes a 1x1 convolution before the pooling, so the margin is the mean of the heat map by
    construction.
    """

    def __init__(self, network: TileNet, calibration: Calibration):
        super().__init__()
        self.features = fold_batch_norm(network.features)
        weight, bias = margin_weights(network.linear)
        self.cam = nn.Conv2d(len(weight), 1, 1)
        self.cam.weight = nn.Parameter(weight.detach().reshape(1, -1, 1, 1))
        self.cam.bias = nn.Parameter(bias.detach().reshape(1))
        self.scale, self.shift = calibration.scale, calibration.shift

    def forward(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Return (scores (n, 2), heat (n, 8, 8)) of tiles uint8 (n, 256, 256, 3)."""
        heat = self.cam(self.features(normalise(tiles)))
        z = heat.mean(dim=(2, 3)) * self.scale + self.shift
        return torch.cat([torch.sigmoid(-z), torch.sigmoid(z)], dim=1), heat.squeeze(1)


def fold_batch_norm(module: nn.Module) -> nn.Module:
    """Return a copy whose batch norms are part of the convolution before them: same numbers, a third fewer nodes."""
    if isinstance(module, nn.Sequential):
        parts: list[nn.Module] = []
        for part in module:
            if isinstance(part, nn.BatchNorm2d) and parts and isinstance(parts[-1], nn.Conv2d):
                parts[-1] = fuse_conv_bn_eval(parts[-1], part.eval())
            else:
                parts.append(fold_batch_norm(part))
        return nn.Sequential(*parts)
    copy = _shallow(module)
    for name, child in module.named_children():
        setattr(copy, name, fold_batch_norm(child))
    return copy


def write_onnx(network: TileNet, calibration: Calibration, file: Path) -> None:
    """Write one self-contained graph with a free number of tiles.

    Raises:
        ValueError: The exporter used an operator outside the allow-list, or put weights outside the file.
    """
    line = LineNet(network.eval(), calibration).eval()
    example = torch.zeros(2, *TILE_HW, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own future
        program = torch.onnx.export(
            line,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["tiles"],
            output_names=["scores", "heat"],
            dynamic_shapes=({0: torch.export.Dim("n", min=1, max=4096)},),
            verbose=False,
        )
    assert program is not None
    model = strip_traces(program.model_proto)
    check_graph(model)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(model.SerializeToString())


def strip_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model without the source paths and stack traces of the machine that exported it."""
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    del graph.metadata_props[:]
    graph.doc_string = ""
    for item in (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        item.doc_string = ""
        del item.metadata_props[:]
    return model


def check_graph(model: onnx.ModelProto) -> None:
    """Raise ValueError unless the graph is valid, self-contained, and of allowed operators only."""
    onnx.checker.check_model(model, full_check=True)
    used = {node.op_type for node in model.graph.node}
    if foreign := sorted(used - ALLOWED_OPERATORS):
        raise ValueError(f"the graph uses {', '.join(foreign)}, which is not on the list of allowed operators")
    if model.functions or any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer):
        raise ValueError("the graph has functions or weights outside the file; a bundle's graph stands alone")


def open_session(file: Path, threads: int = 2) -> onnxruntime.InferenceSession:
    """Return a CPU session with every graph optimisation, as the line uses it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])


def run_tiles(session: onnxruntime.InferenceSession, tiles: U8, chunk: int = 8) -> tuple[F32, F32]:
    """Return (scores, heat) of tiles, asked in chunks as on the line."""
    answers = [
        session.run(["scores", "heat"], {"tiles": tiles[start : start + chunk]})
        for start in range(0, len(tiles), chunk)
    ]
    return np.concatenate([a[0] for a in answers]), np.concatenate([a[1] for a in answers])


def check_parity(network: TileNet, calibration: Calibration, file: Path, tiles: U8) -> tuple[float, float]:
    """Return the largest difference between torch and the file, of scores and of heat relative to its range.

    Raises:
        ValueError: A difference is above PARITY.
    """
    scores, heat = run_tiles(open_session(file), tiles)
    with torch.no_grad():
        asked = torch.from_numpy(tiles)
        logits, heat_torch = network.eval()(asked), network.heat(asked)
    expected = calibration.probability((logits[:, 1] - logits[:, 0]).double().numpy())
    score_gap = float(np.abs(scores[:, 1] - expected).max())
    heat_gap = float(np.abs(heat - heat_torch.numpy()).max() / max(np.ptp(heat_torch.numpy()), 1e-6))
    if not (score_gap <= PARITY and heat_gap <= PARITY):
        raise ValueError(f"the ONNX file differs from the network: scores by {score_gap:.2g}, heat by {heat_gap:.2g}")
    return score_gap, heat_gap


def _shallow(module: nn.Module) -> nn.Module:
    """Return a module that shares everything but its table of children."""
    twin = module.__class__.__new__(module.__class__)
    twin.__dict__ = module.__dict__ | {"_modules": dict(module._modules)}
    return twin
