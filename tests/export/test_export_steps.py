"""The steps in a row, on a handful of drawn pictures: what comes out is a bundle that the line accepts."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge_inspector.bundle.load import load_bundle
from export.__main__ import export


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


@pytest.mark.timeout(300)  # trains a few steps on whatever core is free
def test_the_steps_lead_from_pictures_to_a_bundle(data: Path, tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "drawn"

    _call("train", data, run, "--epochs", "1")
    _call("calibrate", data, run, "--recall", "1.0")
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
    assert metrics["tile"]["ok"] == 12
    assert metrics["tile"]["defect"] == 4
    assert metrics["groups"] == ["g10", "g11", "g8", "g9"]
