"""Write network, normalisation and calibration as one ONNX graph, and prove that it is the same function."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import F32, U8
from export.learn.network import margin_weights, normalise
from export.ship.graph import check_graph, open_session, run_tiles, strip_traces
from export.whole_file import write_whole

OPSET = 18
"""Read by every ONNX Runtime since 1.14 (2023)."""

PARITY = 1e-3
"""Largest difference of score and, relative to its range, of heat between torch and ONNX Runtime, both float32."""


class Sigmoid(Protocol):
    """From margin to p(DEFECT): 1 / (1 + exp(-(scale * margin + shift)))."""

    @property
    def scale(self) -> float:
        """Above 0."""

    @property
    def shift(self) -> float:
        """Any."""


class LineNet(nn.Module):
    """What runs on the line: uint8 tiles in, calibrated scores and the heat map out.

    The linear layer becomes a 1x1 convolution before the pooling, so the margin is the mean of the heat map by
    construction.
    """

    def __init__(self, network: nn.Module, calibration: Sigmoid):
        super().__init__()
        features, linear = network.features, network.linear
        assert isinstance(features, nn.Module)
        assert isinstance(linear, nn.Linear)
        self.features = fold_batch_norm(features)
        weight, bias = margin_weights(linear)
        self.cam = nn.Conv2d(len(weight), 1, 1)
        self.cam.weight = nn.Parameter(weight.detach().reshape(1, -1, 1, 1))
        self.cam.bias = nn.Parameter(bias.detach().reshape(1))
        self.scale, self.shift = calibration.scale, calibration.shift

    def forward(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Return (scores (n, 2), heat (n, cells, cells)) of tiles uint8 (n, side, side, 3)."""
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


def write_onnx(network: nn.Module, calibration: Sigmoid, tile_hw: tuple[int, int], file: Path) -> None:
    """Write one self-contained graph with a free number of tiles.

    Args:
        network: Anything with `features` (convolutions) and `linear`, between which the mean over the map is taken.
        calibration: What makes its margin a probability.
        tile_hw: Height and width of a tile; the graph takes no other.
        file: To be written whole.

    Raises:
        UsageError: The exporter used an operator outside the allow-list, or put weights outside the file.
    """
    line = LineNet(network.eval(), calibration).eval()
    example = torch.zeros(2, *tile_hw, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own future
        logging.getLogger("torch.onnx").setLevel(
            logging.ERROR
        )  # and that torchvision, which nothing here needs, is away
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
    try:
        check_graph(model)
    except ValueError as error:
        raise UsageError(f"this network cannot be bundled: {error}") from error
    write_whole(file, model.SerializeToString())


def ask_torch(network: nn.Module, calibration: Sigmoid, tiles: U8, chunk: int = 32) -> tuple[F32, F32]:
    """Return (scores (n, 2), heat (n, cells, cells)) of the network itself, calibrated in float64.

    The scores come from its logits, not from its heat map: that the two agree is part of what is compared.
    """
    margins, maps = [], []
    with torch.no_grad():
        for start in range(0, len(tiles), chunk):
            asked = torch.from_numpy(tiles[start : start + chunk])
            logits = network.eval()(asked)
            margins.append((logits[:, 1] - logits[:, 0]).double().numpy())
            maps.append(network.heat(asked).numpy())  # type: ignore[operator]
    z = np.concatenate(margins) * calibration.scale + calibration.shift
    defect = np.exp(-np.logaddexp(0.0, -z))
    return np.stack([1.0 - defect, defect], axis=1).astype(np.float32), np.concatenate(maps)


def gaps(exact: tuple[F32, F32], other: tuple[F32, F32]) -> tuple[float, float]:
    """Return the largest difference of any score, and of heat relative to the range of the exact one."""
    score_gap = float(np.abs(exact[0] - other[0]).max())
    return score_gap, float(np.abs(exact[1] - other[1]).max() / max(float(np.ptp(exact[1])), 1e-6))


def check_parity(network: nn.Module, calibration: Sigmoid, file: Path, tiles: U8) -> tuple[float, float]:
    """Return the largest differences between torch and the file, see `gaps`.

    Raises:
        UsageError: One is above PARITY.
    """
    score_gap, heat_gap = gaps(ask_torch(network, calibration, tiles), run_tiles(open_session(file), tiles))
    if not (score_gap <= PARITY and heat_gap <= PARITY):
        raise UsageError(
            f"{file} differs from the network: scores by {score_gap:.2g}, heat by {heat_gap:.2g}, allowed {PARITY}; "
            "keep the versions of torch and onnxscript that setup.cfg names"
        )
    return score_gap, heat_gap


def _shallow(module: nn.Module) -> nn.Module:
    """Return a module that shares everything but its table of children."""
    twin = module.__class__.__new__(module.__class__)
    twin.__dict__ = module.__dict__ | {"_modules": dict(module._modules)}
    return twin
