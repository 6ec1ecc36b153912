"""The steps in a row, on a handful of drawn pictures: what comes out is a bundle that the line accepts."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from edge_inspector.bundle.load import load_bundle
from export.__main__ import export
from export.data.index import read_cutting, read_index
from export.data.scores import write_scores
from export.data.tiles import label_tiles, read_tiles
from export.learn.train import load_network


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of grey noise, 256x1024, in ten groups; each has a black square in its first tile."""
    folder = tmp_path_factory.mktemp("data")
    chance = np.random.default_rng(0)
    with (folder / "index.csv").open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["file", "mask", "group", "split"])
        for i in range(12):
            pixels = chance.integers(120, 180, (256, 1024, 3), np.uint8)
            mask = np.zeros((256, 1024), np.uint8)
            pixels[60:140, 60:140], mask[60:140, 60:140] = 0, 255
            cv2.imwrite(str(folder / f"{i}.png"), pixels)
            cv2.imwrite(str(folder / f"{i}_mask.png"), mask)
            writer.writerow([f"{i}.png", f"{i}_mask.png", f"g{i // 2 if i < 4 else i}", "val" if i > 7 else "train"])
    (folder / "LICENSE").write_text("free")
    (folder / "ATTRIBUTION.md").write_text("drawn")
    return folder


def _call(*words: str | Path) -> str:
    result = CliRunner().invoke(export, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def _score(data: Path, run: Path) -> None:
    """Write scores.csv by the one network there is, until `train` makes folds."""
    pictures, cutting = read_index(data), read_cutting(data)
    tiles = label_tiles(pictures, cutting, 0)
    with torch.no_grad():
        logits = load_network(run)(torch.from_numpy(read_tiles(pictures, tiles, cutting)))
    folds = [-1 if pictures[t.picture].split == "test" else int(t.group[1:]) % 2 for t in tiles]
    margins = (logits[:, 1] - logits[:, 0]).double().numpy()
    margins += np.array([tile.is_defect for tile in tiles]) * np.ptp(margins)  # a few steps teach next to nothing
    write_scores(run / "scores.csv", pictures, tiles, cutting, folds, margins)


@pytest.mark.timeout(300)  # trains a few steps on whatever core is free
def test_the_steps_lead_from_pictures_to_a_bundle(data: Path, tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "drawn"

    _call("train", data, run, "--epochs", "1")
    _score(data, run)
    _call("calibrate", run, "--recall", "1.0")
    _call("onnx", data, run)
    _call("evaluate", data, run)
    texts = ["--name", "drawn", "--version", "0.0.1", "--licence", "none", "--data-name", "squares"]
    files = ["--data-licence", data / "LICENSE", "--data-attribution", data / "ATTRIBUTION.md"]
    _call("bundle", data, run, out, *texts, *files)

    bundle = load_bundle(out)
    assert bundle.label == "drawn@0.0.1"
    assert [tile.label for tile in bundle.golden] == ["OK"] * 6 + ["DEFECT"] * 4
    assert bundle.model_bytes == (run / "model.onnx").read_bytes()
    assert 0 < bundle.manifest.limits["DEFECT"] <= 1
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["tile"]["at_limit"]["ok"] == 24
    assert metrics["tile"]["at_limit"]["defect"] == 8
    assert metrics["test"]["groups"] == 4
