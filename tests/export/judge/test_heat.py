"""The heat map is the sum that was decided on, and Grad-CAM of the same logit agrees."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edge_inspector.core.errors import UsageError
from export.judge.heat import grad_cam, load_network, margin_bias, margin_maps
from export.learn import network as networks
from export.run_folder import RunFolder


class Drawn(nn.Module):
    """A few convolutions, mean, linear: the form that every network here has."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 4, 1), nn.ReLU(), nn.Conv2d(16, 24, 3, 2, 1)
        )
        self.linear = nn.Linear(24, 2)

    def forward(self, tiles: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.features((tiles.permute(0, 3, 1, 2).float() - 127) / 128).mean(dim=(2, 3)))
        return logits


NAMES = ("lite0", "plain") if hasattr(networks, "load_network") else ("lite0",)
"""The networks of the room `learn`."""


def make(name: str) -> nn.Module:
    return networks.TileNet(name=name) if len(NAMES) > 1 else networks.TileNet()  # type: ignore[call-arg]


def trained(name: str) -> nn.Module:
    """Return a network with random weights, the linear layer's bias far from 0."""
    torch.manual_seed(3)
    network = Drawn() if name == "drawn" else make(name)
    linear = network.get_submodule("linear")
    nn.init.normal_(linear.weight, std=0.3)  # type: ignore[arg-type]
    with torch.no_grad():
        linear.bias.copy_(torch.tensor([0.4, -0.9]))  # type: ignore[operator, union-attr]
    return network.eval()


@pytest.fixture(scope="module", params=["drawn", *NAMES])
def network(request: pytest.FixtureRequest) -> nn.Module:
    return trained(request.param)


TILES = np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), np.uint8)


def test_the_mean_of_the_map_is_the_margin(network: nn.Module) -> None:
    with torch.no_grad():
        logits = network(torch.from_numpy(TILES))

    maps = margin_maps(network, TILES)

    assert maps.mean(axis=(1, 2)) == pytest.approx((logits[:, 1] - logits[:, 0]).numpy(), abs=1e-4)


def test_grad_cam_of_the_margin_is_the_map_without_constant_and_negative_side(network: nn.Module) -> None:
    maps, other = margin_maps(network, TILES), grad_cam(network, TILES)

    cells = maps.shape[1] * maps.shape[2]
    expected = np.maximum(maps - margin_bias(network), 0) / cells
    assert other.max() > 0
    assert other == pytest.approx(expected, abs=1e-6 * float(np.abs(maps).max()))


def test_asking_leaves_no_hook_and_no_gradient(network: nn.Module) -> None:
    grad_cam(network, TILES[:1])

    assert not network.get_submodule("features")._forward_hooks
    assert all(parameter.grad is None for parameter in network.parameters())


def write_weights(run: Path, fold: int) -> None:
    (run / "config.json").write_text(json.dumps({"train": {"network": NAMES[0]}}))
    (run / f"fold-{fold}").mkdir()
    torch.save(trained(NAMES[0]).state_dict(), run / f"fold-{fold}" / "weights.pt")


def test_the_model_of_a_fold_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    write_weights(tmp_path, 2)

    loaded = load_network(RunFolder(tmp_path), 2)

    assert loaded is not None
    assert margin_maps(loaded, TILES) == pytest.approx(margin_maps(trained(NAMES[0]), TILES), abs=1e-3)
    assert load_network(RunFolder(tmp_path), 1) is None


@pytest.mark.parametrize("content", [b"", b"no weights", None])
def test_weights_that_do_not_fit_are_named(tmp_path: Path, content: bytes | None) -> None:
    write_weights(tmp_path, 0)
    file = tmp_path / "fold-0" / "weights.pt"
    if content is None:
        torch.save(Drawn().state_dict(), file)
    else:
        file.write_bytes(content)

    with pytest.raises(UsageError, match=r"weights.pt (does not fit|cannot be read).*(train again|trained anew)"):
        load_network(RunFolder(tmp_path), 0)
