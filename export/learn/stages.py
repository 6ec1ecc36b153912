"""Stages that never learn, asked fast: by ONNX Runtime on a CPU, six times as fast there as torch, else by torch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import Tensor, nn

from edge_inspector.core.frame import U8
from export.learn.network import TileNet, normalise

FEW = 256
"""Tiles up to which the seconds that the conversion takes would not come back."""

BATCH = 16
"""Tiles at a time: more leave the processor's cache."""

Answers = npt.NDArray[np.float32]


class _FromTiles(nn.Module):
    """Stages with the pixels' normalisation before them and, for features, the mean after them."""

    def __init__(self, stages: nn.Sequential, is_pooled: bool) -> None:
        super().__init__()
        self.stages, self.is_pooled = stages, is_pooled

    def forward(self, tiles: Tensor) -> Tensor:
        """Return float32 (n, c, h, w), or (n, c) when pooled."""
        maps: Tensor = self.stages(normalise(tiles))
        return maps.mean(dim=(2, 3)) if self.is_pooled else maps


def fast_stages(
    network: TileNet, stages: nn.Sequential, tiles_nhwc: tuple[int, ...], threads: int, is_pooled: bool = False
) -> Callable[[U8], Answers]:
    """Return a function that gives the answers of `stages` to tiles uint8 (n, h, w, 3).

    Args:
        network: Whose stages they are; says on which device.
        stages: The first of its stages, or all.
        tiles_nhwc: How many tiles will be asked about, about, and their shape.
        threads: CPU threads.
        is_pooled: Return the mean over the cells of each map.
    """
    asked = _FromTiles(stages, is_pooled).eval()
    if network.device.type != "cpu" or tiles_nhwc[0] <= FEW:
        return lambda tiles: _by_torch(asked, network, tiles)
    session = _session(asked, tiles_nhwc[1:], threads)
    return lambda tiles: np.concatenate(
        [session.run(None, {"tiles": tiles[start : start + BATCH]})[0] for start in range(0, len(tiles), BATCH)]
    )


@torch.no_grad()
def _by_torch(asked: nn.Module, network: TileNet, tiles: U8) -> Answers:
    parts = [torch.from_numpy(tiles[start : start + BATCH]) for start in range(0, len(tiles), BATCH)]
    return torch.cat([asked(part.to(network.device)).cpu() for part in parts]).contiguous().numpy()


def _session(asked: nn.Module, tile_hwc: tuple[int, ...], threads: int) -> onnxruntime.InferenceSession:
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)  # it warns of packages that nobody needs
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                asked,
                (torch.zeros(2, *tile_hwc, dtype=torch.uint8),),
                input_names=["tiles"],
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("n")},),
                verbose=False,
            )
    finally:
        log.setLevel(level)
    assert program is not None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        program.model_proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
