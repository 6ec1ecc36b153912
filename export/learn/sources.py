"""What the learning stages take: tiles as they are, or varied anew each time, through the stages that never learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edge_inspector.core.frame import U8
from export.learn.ahead import share_threads
from export.learn.augment import augment
from export.learn.config import TrainConfig
from export.learn.material import Material, Rows
from export.learn.network import TileNet, split_network
from export.learn.progress import Teller
from export.learn.stages import fast_stages
from export.learn.table import fill_table
from export.learn.transplant import put_defect, take_defect

CACHE_FOLDER = "cache"
"""In the run folder while it is not done; may be deleted at any time."""


class Source:
    """Gives the learning stages their input, float32 (n, c, h, w) on the network's device.

    For one thread at a time, which need not be the one that learns.

    Frozen stages are asked anew about each variation: kept answers would be few variations, and no defect could be
    moved onto a tile of another place without telling one fold of another's.
    """

    def __init__(self, material: Material, network: TileNet, config: TrainConfig, folder: Path, teller: Teller) -> None:
        self._material, self._config, self._network = material, config, network
        n = len(material.tiles)
        self._tiles = fill_table(
            folder / CACHE_FOLDER / f"pixels-{material.sha256[:12]}-{config.overlap}",
            (n, *material.pixels([0]).shape[1:]),
            np.uint8,
            lambda rows: material.pixels(list(rows)),
            teller.bar("read tiles", n),
        )
        frozen, _ = split_network(network.eval(), config.frozen_stages)
        threads = share_threads(config.threads)[1]
        self._frozen = fast_stages(network, frozen, self._tiles.shape, threads) if config.frozen_stages else None

    def as_they_are(self, rows: Rows) -> Tensor:
        """Return the input for tiles of the material."""
        return self._enter(torch.from_numpy(self._tiles[rows]))

    def varied(self, rows: Rows, grounds: Rows, chance: torch.Generator) -> Tensor:
        """Return the input for tiles of the material, varied.

        Args:
            rows: Which tiles.
            grounds: For each the sound tile that its defect is moved onto; -1: it stays where it is.
            chance: Of the variation.
        """
        tiles = self._tiles[rows]
        places = np.random.default_rng(int(torch.randint(2**62, (1,), generator=chance)))
        for number in np.flatnonzero(grounds >= 0):
            moved = self._moved(int(rows[number]), int(grounds[number]), places)
            tiles[number] = tiles[number] if moved is None else moved
        return self._enter(augment(torch.from_numpy(tiles), chance, self._config.blur))

    def _moved(self, row: int, ground: int, chance: np.random.Generator) -> U8 | None:
        mask = self._material.mask(row)
        defect = None if mask is None else take_defect(self._tiles[row], mask)
        return None if defect is None else put_defect(defect, self._tiles[ground], chance)

    def _enter(self, tiles: Tensor) -> Tensor:
        if self._frozen is None:
            return self._network.enter(tiles)
        found = torch.from_numpy(self._frozen(tiles.numpy()))
        return found.to(self._network.device).contiguous(memory_format=torch.channels_last)
