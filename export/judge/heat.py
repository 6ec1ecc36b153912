"""The heat map on the torch side: the class activation map of the margin, and Grad-CAM to check it against."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from edge_inspector.core.frame import F32, U8
from export.data.scores import TEST_FOLD
from export.learn.network import load_network as load_trained
from export.run_folder import RunFolder

BATCH = 16
"""Tiles at once: more do not run faster on two cores."""


def load_network(run: RunFolder, fold: int) -> nn.Module | None:
    """Return the model of a fold (-1: the final one), ready to be asked; None when the run does not hold it.

    Every network here has `features` (all before the pooling) and `linear`, with mean alone between them.

    Raises:
        UsageError: The weights are damaged, or of another network than config.json names.
    """
    file = (run.final if fold == TEST_FOLD else run.fold(fold)) / "weights.pt"
    if not file.is_file():
        return None
    return load_trained(run.path, None if fold == TEST_FOLD else fold)


def margin_maps(network: nn.Module, tiles: U8) -> F32:
    """Return the class activation maps of the margin z_defect - z_ok, shape (n, h', w').

    The mean of a map over its cells is the margin of the tile: the map is the sum that was decided on, not an estimate.

    Args:
        network: In evaluation mode.
        tiles: uint8 (n, side, side, 3), RGB.
    """
    maps = []
    with torch.no_grad():
        for start in range(0, len(tiles), BATCH):
            features, _ = _ask(network, torch.from_numpy(np.ascontiguousarray(tiles[start : start + BATCH])))
            weight, bias = _margin_weights(network)
            maps.append((torch.einsum("nchw,c->nhw", features, weight) + bias).numpy())
    return np.concatenate(maps)


def grad_cam(network: nn.Module, tiles: U8) -> F32:
    """Return Grad-CAM (Selvaraju et al. 2017) of the same margin at the last feature map, shape (n, h', w').

    Channels are weighed by the mean gradient of the margin, and what speaks for OK is cut off at 0. Behind a mean and a
    linear layer that gradient is the layer's weight over the number of cells, so this is
    ReLU(map of `margin_maps` - bias) / cells: the same picture without the constant, without its negative side.
    """
    with torch.enable_grad():
        features, logits = _ask(network, torch.from_numpy(np.ascontiguousarray(tiles)), needs_gradient=True)
        (gradient,) = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), features)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    answer: F32 = torch.relu((weights * features.detach()).sum(dim=1)).numpy()
    return answer


def margin_bias(network: nn.Module) -> float:
    """Return the constant that the linear layer adds to every cell."""
    return float(_margin_weights(network)[1])


def _margin_weights(network: nn.Module) -> tuple[Tensor, Tensor]:
    linear = network.get_submodule("linear")
    weight, bias = linear.get_parameter("weight").detach(), linear.get_parameter("bias").detach()
    return weight[1] - weight[0], bias[1] - bias[0]


def _ask(network: nn.Module, tiles: Tensor, needs_gradient: bool = False) -> tuple[Tensor, Tensor]:
    """Return (last feature map (n, c, h', w'), logits (n, 2)), seen as they pass."""
    seen: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        # Cut from what lies before it: frozen or not, the gradient is asked at this map alone.
        seen.append(output.detach().requires_grad_(True) if needs_gradient else output)
        return seen[-1]

    hook = network.get_submodule("features").register_forward_hook(keep)
    try:
        logits = network(tiles)
    finally:
        hook.remove()
    return seen[-1], logits
