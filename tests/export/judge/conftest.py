"""A drawn dataset and runs with drawn scores: what the judge reads, without a training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from export.data.index import Cutting, data_sha256, read_index, write_index
from export.data.picture import Picture
from export.data.scores import write_scores
from export.data.tiles import label_tiles

CUTTING = Cutting("grid", 100, "row")

SQUARE = slice(70, 120)
"""Rows and columns of the defect: 50 px, in the first tile of the first row."""


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty-six pictures 512x512 in ten train and two test groups; every third has a dark square, its mask, a kind.

    Number 34 has a mask of 16 pixels: its first tile is neither OK nor DEFECT, and so its first row is neither.
    """
    folder = tmp_path_factory.mktemp("dataset")
    chance, pictures = np.random.default_rng(0), []
    for i in range(36):
        pixels, mask = chance.integers(110, 190, (512, 512, 3), np.uint8), np.zeros((512, 512), np.uint8)
        bad = i % 3 == 0
        if bad:
            pixels[SQUARE, SQUARE], mask[SQUARE, SQUARE] = 10, 255
        if i == 34:
            mask[10:14, 10:14] = 255
        file, mask_file = folder / f"{i:02}.png", folder / f"{i:02}_mask.png"
        cv2.imwrite(str(file), pixels)
        if mask.any():
            cv2.imwrite(str(mask_file), mask)
        pictures.append(
            Picture(
                file,
                mask_file if mask.any() else None,
                "DEFECT" if mask.any() else "OK",
                f"g{i % 12:02}",
                "test" if i % 12 in (3, 4) else "train",
                ("pit", "<b>rust</b>")[i % 2] if bad else "",
            )
        )
    write_index(folder, pictures, CUTTING)
    return folder


@pytest.fixture
def make_run(dataset: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a run: make_run(name, seed=, gap=) with margins `gap` apart on average."""

    def make(name: str = "run", seed: int = 1, gap: float = 4.0, folds: int = 5) -> Path:
        pictures, run = read_index(dataset), tmp_path / name
        tiles = label_tiles(pictures, CUTTING, 0)
        run.mkdir()
        chance = np.random.default_rng(seed)
        number = {f"g{i:02}": i % folds for i in range(12)} | {"g03": -1, "g04": -1}
        margins = np.array([gap * tile.is_defect - gap / 2 + chance.normal() for tile in tiles])
        write_scores(run / "scores.csv", pictures, tiles, CUTTING, [number[t.group] for t in tiles], margins)
        config = {"train": {"network": "lite0"}, "data": {"sha256": data_sha256(pictures)}}
        (run / "config.json").write_text(json.dumps(config))
        return run

    return make
