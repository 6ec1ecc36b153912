"""What fold models say where: heat maps of parts and of DEFECT tiles, each by the model that did not see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from torch import nn

from edge_inspector.core.frame import F32, U8
from edge_inspector.tile.cut import cut_tiles
from export.data.scores import Scores
from export.data.tiles import read_tiles
from export.judge.drawing import data_uri, heated, joined, outlined
from export.judge.heat import load_network, margin_maps
from export.judge.material import Material
from export.judge.parts import Parts
from export.judge.pointing import play
from export.judge.statistics import Numbers, Truth, clopper_pearson
from export.run_folder import RunFolder

CHUNK = 64
"""Tiles in memory at once: 13 MB."""

MOST_SHOWN = 12
"""Mistakes of each kind in a report: what a person looks at."""


class FoldModels:
    """The models of a run, loaded when first asked."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._loaded: dict[int, nn.Module | None] = {}

    def maps(self, fold: int, tiles: U8) -> F32 | None:
        """Return margin maps of tiles by a fold's model, or None when the run does not hold it."""
        if fold not in self._loaded:
            self._loaded[fold] = load_network(self._run, fold)
        network = self._loaded[fold]
        return None if network is None else margin_maps(network, tiles)


def pointing_game(
    material: Material, rows: Scores, models: FoldModels, tick: Callable[[int], None]
) -> dict[str, Any] | None:
    """Return hits of the DEFECT tiles with a mask, out of fold; None without such tiles or without models.

    Args:
        material: The dataset.
        rows: Out-of-fold tiles.
        models: Of the run.
        tick: Told how many tiles are done.
    """
    hits, chances = [], []
    usable = rows.of(rows.truth & (rows.mask_px > 0))
    for fold in np.unique(usable.fold).tolist():
        mine = np.flatnonzero(usable.fold == fold)
        for start in range(0, len(mine), CHUNK):
            chunk = _rows(usable, mine[start : start + CHUNK])
            heat = models.maps(fold, read_tiles(material.pictures, material.tiles(chunk), material.cutting))
            tick(len(chunk.truth))
            if heat is None:
                continue
            for cells, mask in zip(heat, material.tile_masks(chunk), strict=True):
                hit, chance = play(cells, mask)
                hits.append(hit)
                chances.append(chance)
    if not hits:
        return None
    n, k = len(hits), sum(hits)
    return {
        "tiles": n,
        "hits": k,
        "score": round(k / n, 4),
        "bounds_95": clopper_pearson(k, n).rounded(),
        "by_chance": round(float(np.mean(chances)), 4),
    }


def _rows(rows: Scores, numbers: Any) -> Scores:
    return Scores(*(getattr(rows, name)[numbers] for name in rows.__slots__))


@dataclass(frozen=True, slots=True)
class Mistake:
    """A part that was judged wrongly, to be looked at."""

    name: str
    group: str
    cls: str
    fold: int
    margin: float
    probability: float
    picture: str
    """data: address, with the mask's outline."""
    heat: str | None
    """data: address, or None when the run does not hold the fold's model."""
    is_cold: bool
    """No cell speaks for DEFECT."""


def worst(parts: Parts, wrong: Truth, lowest_first: bool) -> list[int]:
    """Return rows of wrongly judged parts, the clearest mistake first, at most `MOST_SHOWN`."""
    rows = np.flatnonzero(wrong)
    order = np.argsort(parts.margin[rows] * (1 if lowest_first else -1), kind="stable")
    return [int(row) for row in rows[order][:MOST_SHOWN]]


def show(
    material: Material, parts: Parts, row: int, row_y: int | None, probability: Numbers, models: FoldModels
) -> Mistake:
    """Return one part with pictures.

    Args:
        material: The dataset.
        parts: All parts.
        row: Which of them.
        row_y: Upper edge of its row of tiles; None when the part is the whole picture.
        probability: Of all parts.
        models: Of the run.
    """
    picture = material.of(str(parts.picture[row]))
    drawn, heat = look(material, str(parts.picture[row]), row_y, int(parts.fold[row]), models)
    return Mistake(
        name=str(parts.name[row]),
        group=str(parts.group[row]),
        cls=picture.cls,
        fold=int(parts.fold[row]),
        margin=float(parts.margin[row]),
        probability=float(probability[row]),
        picture=data_uri(drawn),
        heat=None if heat is None else data_uri(heat[0]),
        is_cold=heat is not None and heat[1] <= 0,
    )


def look(
    material: Material, name: str, row_y: int | None, fold: int, models: FoldModels
) -> tuple[U8, tuple[U8, float] | None]:
    """Return a part with its mask's outline, and with its heat and the heat's peak; None without the fold's model."""
    picture = material.of(name)
    pixels, mask = picture.pixels(), None if picture.mask is None else picture.mask_pixels()
    if material.cutting.mode == "whole":
        tiles = cv2.resize(pixels, material.cutting.tile_hw[::-1], interpolation=cv2.INTER_AREA)[None].astype(np.uint8)
        corners, tile_hw = np.zeros((1, 2), np.intp), pixels.shape[:2]
    else:
        corners, tile_hw = material.corners(pixels, row_y), material.cutting.tile_hw
        tiles = cut_tiles(pixels, corners, tile_hw)
    cells = models.maps(fold, tiles)
    whole = None if cells is None else joined(cells, corners, pixels.shape[:2], (tile_hw[0], tile_hw[1]))
    if row_y is not None and material.cutting.mode == "grid":
        strip = slice(row_y, row_y + material.cutting.tile_px)
        pixels, mask = pixels[strip], None if mask is None else mask[strip]
        whole = None if whole is None else whole[strip]
    drawn = outlined(pixels, mask)
    return drawn, None if whole is None else (outlined(heated(pixels, whole), mask), float(whole.max()))
