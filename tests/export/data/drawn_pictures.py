"""Drawn surfaces: scratched noise that is another for each seed, and files of every kind."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def surface(seed: int, hw: tuple[int, int] = (256, 256)) -> np.ndarray:
    """Return a grey surface (h, w): the layout is always the same, the grain is that of the seed."""
    chance = np.random.default_rng(seed)
    grain = cv2.GaussianBlur(chance.normal(0, 60, hw).astype(np.float32), (0, 0), 1.5)
    rough = np.random.default_rng(12345).uniform(60, 180, (7, 7)).astype(np.float32)
    layout = cv2.resize(rough, hw[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(layout + grain, 0, 255).astype(np.uint8)


def write(file: Path, pixels: np.ndarray, *options: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), pixels, list(options))
    return file


def spot(hw: tuple[int, int] = (256, 256), size: int = 20) -> np.ndarray:
    mask = np.zeros(hw, np.uint8)
    mask[40 : 40 + size, 40 : 40 + size] = 255
    return mask


def sorted_folders(folder: Path, n_ok: int = 4, n_defect: int = 4) -> Path:
    """Write OK/ok0.png …, DEFECT/bad0.png … and masks/bad0.png …; every picture another."""
    for i in range(n_ok):
        write(folder / "OK" / f"ok{i}.png", surface(i))
    for i in range(n_defect):
        write(folder / "DEFECT" / f"bad{i}.png", surface(100 + i))
        write(folder / "masks" / f"bad{i}.png", spot())
    return folder
