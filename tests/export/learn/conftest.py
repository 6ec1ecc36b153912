"""A dataset that is drawn in a second and learned from in a few."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from export.data.index import Cutting, write_index
from export.data.picture import Picture, Split

Draw = Callable[..., Path]


@pytest.fixture(scope="session")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Draw:
    """Return a function that draws a dataset: grey noise, one tile a picture; every second has a black square."""

    def make(n_groups: int = 8, n_test: int = 0, name: str = "drawn") -> Path:
        folder = tmp_path_factory.mktemp(name)
        chance, pictures = np.random.default_rng(3), []
        for i in range(n_groups + n_test):
            pixels, mask = chance.integers(120, 180, (256, 256, 3), np.uint8), np.zeros((256, 256), np.uint8)
            if i % 2:
                pixels[60:140, 60:140], mask[60:140, 60:140] = 0, 255
            cv2.imwrite(str(folder / f"{i}.png"), pixels)
            cv2.imwrite(str(folder / f"{i}_mask.png"), mask)
            split: Split = "train" if i < n_groups else "test"
            label = "DEFECT" if i % 2 else "OK"
            pictures.append(
                Picture(folder / f"{i}.png", folder / f"{i}_mask.png", label, f"g{i}", split, "", f"{i}.png")
            )
        write_index(folder, pictures, Cutting())
        return folder

    return make
