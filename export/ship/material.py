"""What is shipped, and the tiles it is proven on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import U8
from export.data.belongs import check_belongs
from export.data.index import Cutting, read_cutting, read_index
from export.data.picture import Picture
from export.data.tiles import Tile, label_tiles, read_tiles
from export.run_folder import RunFolder

CALIBRATION_TILES = 128
"""Tiles that INT8's ranges come from: 27 MB of activations and about 0.1 s each, so seconds for a method."""

SEED = 1
"""Of every choice among tiles here: a step that is repeated chooses the same ones."""


@dataclass(frozen=True, slots=True)
class Material:
    """A dataset and a run that was trained on it."""

    pictures: Sequence[Picture]
    cutting: Cutting
    run: RunFolder

    def tiles_of(self, split: str) -> list[Tile]:
        """Return the labelled tiles of a split, cut as on the line."""
        rows = [i for i, picture in enumerate(self.pictures) if picture.split == split]
        found = label_tiles([self.pictures[i] for i in rows], self.cutting, overlap=0)
        return [Tile(rows[t.picture], t.y, t.x, t.mask_px, t.group, t.is_defect) for t in found]

    def pixels(self, tiles: Sequence[Tile]) -> U8:
        """Return the pixels of tiles, uint8 (n, side, side, 3)."""
        return read_tiles(self.pictures, tiles, self.cutting)


@dataclass(frozen=True, slots=True)
class Proof:
    """The tiles that functions are compared on."""

    tiles: list[Tile]
    says: str
    """Where they come from, for people."""
    is_held_out: bool
    """The final model never saw them."""


def load_material(dataset: Path, run: Path) -> Material:
    """Return dataset and run together.

    Raises:
        UsageError: One of them is not there or damaged, or the run was trained on other data.
    """
    pictures, folder = read_index(dataset), RunFolder(run)
    cutting = read_cutting(dataset)
    check_belongs(dataset, pictures, cutting, run, _config(folder))
    return Material(pictures, cutting, folder)


def load_final(run: Path) -> Any:
    """Return the final network of a run: `features`, `linear`, `heat`, and logits when it is called."""
    from export.learn.network import load_network

    return load_network(run)


def train_config(run: RunFolder) -> dict[str, Any]:
    """Return every number of the training."""
    config = _config(run)
    numbers = config.get("train", config)
    return dict(numbers)


def calibration_tiles(material: Material) -> list[Tile]:
    """Return the training tiles that INT8's ranges come from: half of them DEFECT if there are so many.

    Of each label every second one at most, so that others are left to compare on where there is no test split.
    """
    tiles = material.tiles_of("train")
    half = [tile for is_defect in (False, True) for tile in [t for t in tiles if t.is_defect is is_defect][::2]]
    return choose(half, CALIBRATION_TILES)


def proof_tiles(material: Material, most: int) -> Proof:
    """Return at most so many tiles to compare functions on: of the test split, or else training tiles.

    Of training tiles those are left out that INT8 was calibrated on. DEFECT and OK come in the shares in which they are
    there: with more DEFECT ones, which lie nearer to the limit, verdict flips would look more frequent than they are.
    """
    if tiles := material.tiles_of("test"):
        return Proof(draw(tiles, most), "the test split, which no model was trained on", is_held_out=True)
    used = set(calibration_tiles(material))
    rest = [tile for tile in material.tiles_of("train") if tile not in used]
    if not rest:
        raise UsageError(
            f"{len(used)} labelled tiles are too few to calibrate INT8 and to compare on others; label more pictures"
        )
    says = "the train split, without those that INT8 was calibrated on; there is no test split"
    return Proof(draw(rest, most), says, is_held_out=False)


def draw(tiles: Sequence[Tile], most: int) -> list[Tile]:
    """Return at most so many tiles by seeded chance, in their order."""
    rows = np.random.default_rng(SEED).permutation(len(tiles))[:most]
    return [tiles[i] for i in sorted(rows.tolist())]


def choose(tiles: Sequence[Tile], most: int) -> list[Tile]:
    """Return at most so many tiles by seeded chance, half of them DEFECT if there are so many, in their order."""
    chance = np.random.default_rng(SEED)
    kinds = [[i for i, tile in enumerate(tiles) if tile.is_defect is kind] for kind in (True, False)]
    n_defect = min(len(kinds[0]), max(most // 2, most - len(kinds[1])))
    counts = (n_defect, min(len(kinds[1]), most - n_defect))
    rows = [i for kind, count in zip(kinds, counts, strict=True) for i in chance.permutation(kind)[:count]]
    return [tiles[i] for i in sorted(rows)]


def _config(run: RunFolder) -> dict[str, Any]:
    file = run.need(run.config, "train")
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        return dict(values)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{file} is damaged ({error}); train again in another folder") from error
