"""Where the learning stages get their input from: tiles varied anew each epoch, or frozen stages asked once."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from export.learn.augment import augment, seeded
from export.learn.config import TrainConfig
from export.learn.material import Material, Rows
from export.learn.network import TileNet, split_network
from export.learn.progress import Teller
from export.learn.stages import fast_stages
from export.learn.table import fill_table

CACHE_FOLDER = "cache"
"""In the run folder while it is not done; may be deleted at any time."""


class Source(Protocol):
    """Gives what the learning stages take."""

    def __call__(self, rows: Rows, chance: torch.Generator | None) -> Tensor:
        """Return the input for tiles of the material, float32 (n, c, h, w) on the network's device.

        Args:
            rows: Rows of the material's tiles.
            chance: Chooses how each tile is varied; None: as it is.
        """


class PixelSource:
    """Tiles from a table of pixels, varied anew each time."""

    def __init__(self, material: Material, network: TileNet, blur: float, folder: Path, teller: Teller) -> None:
        self._enter, self._blur = network.enter, blur
        n = len(material.tiles)
        self._table = fill_table(
            folder / CACHE_FOLDER / f"pixels-{material.sha256[:12]}",
            (n, *material.pixels([0]).shape[1:]),
            np.uint8,
            lambda rows: material.pixels(list(rows)),
            teller.bar("read tiles", n),
        )

    def __call__(self, rows: Rows, chance: torch.Generator | None) -> Tensor:
        """Return the input for tiles, as `Source` says."""
        tiles = torch.from_numpy(self._table[rows])
        return self._enter(tiles if chance is None else augment(tiles, chance, self._blur))


class StageSource:
    """What the frozen stages answer to each version of a tile; all folds share it, since those stages never learn."""

    def __init__(self, material: Material, network: TileNet, config: TrainConfig, folder: Path, teller: Teller) -> None:
        self._device = network.device
        self._n_views = count_views(material, config)
        self._first = np.concatenate([[0], np.cumsum(self._n_views)[:-1]])
        tile_of = np.repeat(np.arange(len(material.tiles)), self._n_views)
        is_varied = np.arange(len(tile_of)) != self._first[tile_of]
        frozen, _ = split_network(network.eval(), config.frozen_stages)
        asked = fast_stages(network, frozen, len(tile_of), config.threads)

        def compute(rows: range) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            tiles = torch.from_numpy(material.pixels(tile_of[rows]))
            varied = augment(tiles, seeded(config.seed, rows.start), config.blur)
            mixed = torch.where(torch.from_numpy(is_varied[rows]).view(-1, 1, 1, 1), varied, tiles)
            return asked(mixed.numpy())

        self._table = fill_table(
            folder / CACHE_FOLDER / f"stages-{material.sha256[:12]}",
            (len(tile_of), *asked(material.pixels([0])).shape[1:]),
            np.float32,
            compute,
            teller.bar("ask the frozen stages", len(tile_of)),
        )

    def __call__(self, rows: Rows, chance: torch.Generator | None) -> Tensor:
        """Return the input for tiles, as `Source` says."""
        view = np.zeros(len(rows), np.intp)
        if chance is not None:
            view = (torch.rand(len(rows), generator=chance).numpy() * self._n_views[rows]).astype(np.intp)
        found = torch.from_numpy(self._table[self._first[rows] + view])
        return found.to(self._device).contiguous(memory_format=torch.channels_last)


def count_views(material: Material, config: TrainConfig) -> Rows:
    """Return how many versions of each tile are kept: OK tiles, being many, need fewer to be seen as seldom twice."""
    is_learned = np.zeros(len(material.tiles), bool)
    is_learned[material.learn] = True
    n_defect, n_ok = int((is_learned & material.truth).sum()), int((is_learned & ~material.truth).sum())
    of_ok = -(-config.views * config.ok_per_defect * n_defect // max(1, n_ok))
    n_views = np.where(material.truth, config.views, min(max(of_ok, 1), config.views))
    return np.where(is_learned, n_views, 1).astype(np.intp)
