"""A drawn dataset and a run of a tiny plain network on it, as the steps before would have left it."""

from __future__ import annotations

import csv
import itertools
import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from export.data.index import Cutting, write_index
from export.data.picture import Picture
from export.judge.calibrate import load_calibration
from export.learn.network import margin_weights, normalise
from export.run_folder import RunFolder
from export.ship.bundle import BundleText
from export.ship.choose_int8 import choose_int8
from export.ship.material import Material, load_material
from export.ship.to_onnx import write_onnx
from export.ship.verify import verify

LIMIT = 0.5
WEIGHTS_NS = 1_700_000_000 * 10**9


class PlainNet(nn.Module):
    """Five convolutions of stride 2, a mean and a linear layer: what another network than EfficientNet looks like."""

    def __init__(self) -> None:
        super().__init__()
        widths, parts = (3, 8, 8, 8, 8, 16), []
        for n_in, n_out in itertools.pairwise(widths):
            parts += [nn.Conv2d(n_in, n_out, 3, 2, 1), nn.BatchNorm2d(n_out), nn.ReLU()]
        self.features = nn.Sequential(*parts)
        self.linear = nn.Linear(16, 2)

    def forward(self, tiles: Tensor) -> Tensor:
        """Return logits (n, 2)."""
        logits: Tensor = self.linear(self.features(normalise(tiles)).mean(dim=(2, 3)))
        return logits

    def heat(self, tiles: Tensor) -> Tensor:
        """Return the map whose mean is the margin, (n, 8, 8)."""
        weight, bias = margin_weights(self.linear)
        return torch.einsum("nchw,c->nhw", self.features(normalise(tiles)), weight) + bias


def draw_dataset(folder: Path, n_test: int = 4, mode: str = "grid") -> Path:
    """Return a dataset of 12 pictures of grey noise, 256x1024, each with a black square in its first tile."""
    chance, pictures = np.random.default_rng(0), []
    folder.mkdir()
    for i in range(12):
        pixels = chance.integers(120, 180, (256, 1024, 3), np.uint8)
        mask = np.zeros((256, 1024), np.uint8)
        pixels[60:140, 60:140], mask[60:140, 60:140] = 0, 255
        files = folder / f"{i}.png", folder / f"{i}_mask.png"
        for file, content in zip(files, (pixels, mask), strict=True):
            cv2.imwrite(str(file), content)
        split = "test" if i >= 12 - n_test else "train"
        pictures.append(Picture(*files, "DEFECT", f"g{i}", split, ("pit", "scratch")[i % 2], files[0].name))  # type: ignore[arg-type]
    write_index(folder, pictures, Cutting(mode=mode))  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_dataset(tmp_path_factory.mktemp("data") / "dataset")


@pytest.fixture(scope="session")
def network(dataset: Path) -> nn.Module:
    """Return a network that tells the squares from the noise: random features, a few steps of the linear layer."""
    torch.manual_seed(3)
    found = PlainNet().eval()
    with (dataset / "index.csv").open() as lines:
        files = [dataset / row["file"] for row in csv.DictReader(lines)]
    tiles = np.concatenate([np.split(cv2.imread(str(file))[:, :, ::-1], 4, axis=1) for file in files])
    truth = torch.tensor([1, 0, 0, 0] * len(files))
    with torch.no_grad():
        pooled = found.features(normalise(torch.from_numpy(tiles.copy()))).mean(dim=(2, 3))
        spread = pooled.std(dim=0) + 1e-3
    scaled = (pooled - pooled.mean(dim=0)) / spread
    layer = nn.Linear(16, 2)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(layer(scaled), truth).backward()
        optimiser.step()
    with torch.no_grad():
        found.linear.weight.copy_(layer.weight / spread)
        found.linear.bias.copy_(layer.bias - (layer.weight * (pooled.mean(dim=0) / spread)).sum(dim=1))
    return found


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, dataset: Path, network: nn.Module) -> Path:
    """Return a run that went through every step, once for all tests: copy it, do not change it."""
    folder = RunFolder(tmp_path_factory.mktemp("made") / "run")
    folder.final.mkdir(parents=True)
    (folder.final / "weights.pt").write_bytes(b"weights")
    folder.config.write_text(json.dumps({"version": 1, "train": {"seed": 1}}))
    calibration = {"scale": 1.0, "shift": 0.0, "limit": LIMIT, "recall": 0.97}
    folder.calibration.write_text(json.dumps(calibration | {"n_tiles": 32, "n_defect_tiles": 8, "groups": ["g0"]}))
    calibrated = load_calibration(folder.path)
    folder.metrics.write_text(json.dumps({"tile": {"auroc": 1.0}, "calibration_sha256": calibrated.sha256}))
    found = load_material(dataset, folder.path)
    write_onnx(network, calibrated, found.cutting.tile_hw, folder.model)
    choose_int8(found, lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.ship.verify.load_final", lambda _: network)
        verify(found, rounds=3)
    return folder.path


@pytest.fixture
def run(tmp_path: Path, made: Path, network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """Return a run of one's own that went through every step."""
    folder = RunFolder(Path(shutil.copytree(made, tmp_path / "run")))
    os.utime(folder.final / "weights.pt", ns=(WEIGHTS_NS, WEIGHTS_NS))
    monkeypatch.setattr("export.ship.verify.load_final", lambda _: network)
    return folder


@pytest.fixture
def material(dataset: Path, run: RunFolder) -> Material:
    return load_material(dataset, run.path)


@pytest.fixture
def text(tmp_path: Path) -> BundleText:
    for name in ("LICENSE", "ATTRIBUTION.md"):
        (tmp_path / name).write_text("drawn")
    return BundleText("drawn", "0.0.1", 1, "none", "squares", tmp_path / "LICENSE", tmp_path / "ATTRIBUTION.md")
