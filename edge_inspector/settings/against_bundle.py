"""Settings against the model bundle they name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edge_inspector.core.errors import Mistake
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import KeyPath, LineMap
from edge_inspector.settings.shape import listed
from edge_inspector.settings.words import did_you_mean


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """What of a bundle the configuration depends on."""

    labels: tuple[str, ...]
    """What the model says of a tile; the first is OK."""
    tile_hw: tuple[int, int]
    """Tile height and width, in pixels."""
    channels: int
    """1 (grey) or 3 (RGB)."""
    limits: Mapping[str, float]
    """The bundle's own limit of each defect label."""


def check_against_bundle(settings: LineSettings, facts: BundleFacts, lines: LineMap) -> list[Mistake]:
    """Return what in a configuration does not fit the bundle, in the order of the lines; empty when all fits."""
    found = [*_limits(settings, facts), *_tiles(settings, facts)]
    return sorted((lines.mistake(path, what) for path, what in found), key=lambda mistake: mistake.line or 0)


def _limits(settings: LineSettings, facts: BundleFacts) -> Iterator[tuple[KeyPath, str]]:
    defects = facts.labels[1:]
    for label in settings.decide.limits:
        path = ("decide", "limits", label)
        if label == facts.labels[0]:
            yield path, f"{label} is no defect; limits are for {listed(list(defects), 'and')}"
        elif label not in defects:
            known = listed(list(defects), "and")
            yield path, f"the bundle has no label {label}, only {known}{did_you_mean(label, defects)}"
    for index, zone in enumerate(settings.regions.zones if settings.regions is not None else ()):
        for label in zone.limits:
            if label not in defects:
                known = listed(list(defects), "and")
                what = (
                    f"no defect label of the bundle is called {label}; there is {known}{did_you_mean(label, defects)}"
                )
                yield ("regions", "zones", index, "limits", label), what
    for label in defects:
        if label not in settings.decide.limits and label not in facts.limits:
            yield ("decide", "limits"), f"{label} has no limit, here or in the bundle: it would never reject; set one"


def _tiles(settings: LineSettings, facts: BundleFacts) -> Iterator[tuple[KeyPath, str]]:
    frame, overlap = settings.camera.frame, settings.tiling.overlap
    tile_h, tile_w = facts.tile_hw
    if frame.channels > facts.channels:
        yield (
            ("camera", "frame", "channels"),
            f"is {frame.channels}, the bundle's model takes grey pictures (1); set 1, or use a bundle for RGB",
        )
    if frame.width < tile_w:
        yield ("camera", "frame", "width"), f"{frame.width} px do not hold a tile, which is {tile_w} px wide"
    if frame.height < tile_h:
        yield ("camera", "frame", "height"), f"{frame.height} px do not hold a tile, which is {tile_h} px high"
    if overlap >= min(tile_h, tile_w):
        what = f"{overlap} px leave no step for tiles of {tile_w}x{tile_h} px; at most {min(tile_h, tile_w) - 1}"
        yield ("tiling", "overlap"), what
    elif frame.width >= tile_w and frame.height >= tile_h:
        rows = 1 + math.ceil((frame.height - tile_h) / (tile_h - overlap))
        columns = 1 + math.ceil((frame.width - tile_w) / (tile_w - overlap))
        if settings.decide.min_defect_tiles > rows * columns:
            yield (
                ("decide", "min_defect_tiles"),
                f"is {settings.decide.min_defect_tiles}, a frame has {rows * columns} tiles: "
                "no part would ever be rejected",
            )
