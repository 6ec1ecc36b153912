"""The pictures behind the scores of a run: found by name, checked to be the same data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import U8, Index
from edge_inspector.tile.grid import grid_corners
from export.data.belongs import check_belongs
from export.data.index import Cutting, read_cutting, read_index
from export.data.picture import Picture
from export.data.scores import Scores
from export.data.tiles import Tile
from export.judge.statistics import Truth
from export.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Material:
    """A dataset as the judge needs it."""

    pictures: Sequence[Picture]
    number: dict[str, int]
    """Row of a picture by its name."""
    cutting: Cutting
    sha256: str

    def of(self, name: str) -> Picture:
        """Return a picture by its name."""
        return self.pictures[self.number[name]]

    def tiles(self, rows: Scores) -> list[Tile]:
        """Return the tiles of scores, as `read_tiles` takes them."""
        columns = (c.tolist() for c in (rows.picture, rows.y, rows.x, rows.mask_px, rows.group, rows.truth))
        return [Tile(self.number[name], y, x, px, g, t) for name, y, x, px, g, t in zip(*columns, strict=True)]

    def tile_masks(self, rows: Scores) -> list[Truth]:
        """Return the mask of each tile, shape (side, side); every picture must have one. Decodes each picture once."""
        last, whole, masks, side = "", np.zeros((0, 0), bool), [], self.cutting.tile_px
        for name, y, x in zip(rows.picture.tolist(), rows.y.tolist(), rows.x.tolist(), strict=True):
            if name != last:
                last, whole = name, self.of(name).mask_pixels()
            is_cut = self.cutting.mode == "grid"
            masks.append(whole[y : y + side, x : x + side] if is_cut else shrunk(whole, self.cutting.tile_hw))
        return masks

    def corners(self, pixels: U8, row_y: int | None) -> Index:
        """Return the corners of a part's tiles, the ambiguous ones too: the line would look at all of them."""
        found = grid_corners(pixels.shape[:2], self.cutting.tile_hw, 0)
        return found if row_y is None else found[found[:, 0] == row_y]


def shrunk(mask: Truth, tile_hw: tuple[int, int]) -> Truth:
    """Return the mask of a picture that was resized to one tile; the thinnest crack stays."""
    found: Truth = cv2.resize(mask.astype(np.float32), tile_hw[::-1], interpolation=cv2.INTER_AREA) > 0
    return found


def read_material(dataset: Path, run: RunFolder, rows: Scores) -> Material:
    """Return the dataset that the scores of a run are of.

    Raises:
        UsageError: The dataset cannot be read, lacks pictures that were scored, is cut otherwise, or changed since
            the training.
    """
    pictures = read_index(dataset)
    number = {picture.name: i for i, picture in enumerate(pictures)}
    if missing := sorted(set(rows.picture.tolist()) - set(number)):
        raise UsageError(
            f"{run.scores} names {len(missing)} pictures that {dataset} does not have, first {missing[0]}; name the "
            "dataset that the run was trained on"
        )
    for name, group in zip(rows.picture.tolist(), rows.group.tolist(), strict=True):
        if pictures[number[name]].group != group:
            raise UsageError(
                f"{name} is of group {pictures[number[name]].group} now, was {group} at training; train again"
            )
    cutting = read_cutting(dataset)
    return Material(pictures, number, cutting, check_belongs(dataset, pictures, cutting, run.path, _config(run)))


def _config(run: RunFolder) -> dict[str, Any]:
    """Return what config.json of a run says; nothing when there is none."""
    if not run.config.is_file():
        return {}
    try:
        values: dict[str, Any] = json.loads(run.config.read_text(encoding="utf-8"))
        values.get("data", {}).get("sha256")
    except (ValueError, AttributeError) as error:
        raise UsageError(f"{run.config} is damaged ({error}); train again") from error
    return values


def unclear_parts(material: Material, rows: Scores) -> set[str]:
    """Return the parts without a DEFECT tile whose surface has masked pixels all the same.

    Every defect of such a part lies in tiles with too few masked pixels to be anybody's truth. It is not a sound part,
    and no tile of it could be found: numbers per part leave it out and say how many there are.
    """
    if material.cutting.mode == "whole":
        return set()
    bad = set(rows.part[rows.truth].tolist())
    seen: dict[str, tuple[str, int]] = {}
    for part, name, y in zip(rows.part.tolist(), rows.picture.tolist(), rows.y.tolist(), strict=True):
        if part not in bad and material.of(name).mask is not None:
            seen.setdefault(part, (name, y))
    found, last, mask = set(), "", np.zeros((0, 0), bool)
    for part, (name, y) in seen.items():
        if name != last:
            last, mask = name, material.of(name).mask_pixels()
        if (mask[y : y + material.cutting.tile_px] if material.cutting.part == "row" else mask).any():
            found.add(part)
    return found
