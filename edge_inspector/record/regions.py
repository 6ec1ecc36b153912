"""Regions drawn on a picture: what is not inspected lies in hatched shade, zones have an outline and a name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import U8, Index
from edge_inspector.record.caption import BAR, INK, draw_chip, font_px, text_width
from edge_inspector.tile.regions import Polygon, Regions

RGB = tuple[int, int, int]
Bools = npt.NDArray[np.bool_]
QUIET: RGB = (196, 204, 214)
ROI: RGB = (236, 240, 245)
# None of the colours of heat, hits and brackets; neighbours in the list differ in light as well as in hue.
ZONES: tuple[RGB, ...] = (
    (77, 208, 255),
    (150, 235, 120),
    (190, 150, 255),
    (64, 224, 190),
    (110, 160, 255),
    (225, 245, 160),
)
SHADE = 0.5
"""Light that is left of what is not inspected: dark enough to read as absent, light enough to see what lies there."""
HATCH = 0.28
"""How strong the stripes are."""


@dataclass(frozen=True, slots=True)
class DrawnRegions:
    """What stands still on every picture of a line."""

    areas: Regions
    ignored: Bools
    """Shape (h, w), True where nothing is inspected."""


def shade_ignored(canvas: U8, ignored: Bools) -> None:
    """Darken and hatch pixels that are not inspected, in place.

    Args:
        canvas: Shape (H, W, 3), RGB; H and W are whole multiples of those of `ignored`.
        ignored: Shape (h, w), in pixels of the frame.
    """
    if not ignored.any():
        return
    height, width = canvas.shape[:2]
    zoom = height // ignored.shape[0]
    where = ignored.repeat(zoom, axis=0).repeat(zoom, axis=1) if zoom > 1 else ignored
    period = max(10, width // 110)
    ys, xs = np.ogrid[:height, :width]
    stripes = where & ((xs + ys) % period < max(1, period // 6))
    shaded = canvas.astype(np.float32)
    shaded[where] *= SHADE
    shaded[stripes] += (np.array(QUIET, np.float32) - shaded[stripes]) * HATCH
    canvas[:] = shaded.astype(np.uint8)


def draw_skipped(canvas: U8, boxes: Index) -> None:
    """Mark tiles that were taken for background, in place: crossed out, with the word in them.

    Args:
        canvas: Shape (H, W, 3), RGB.
        boxes: Shape (n, 4), top, left, bottom, right of each tile, in pixels of the canvas.
    """
    size, faint = font_px(canvas.shape[1]), canvas.copy()
    for top, left, bottom, right in boxes.tolist():
        for ends in (((left, top), (right, bottom)), ((left, bottom), (right, top))):
            cv2.line(faint, *ends, QUIET, 1, cv2.LINE_AA)
    cv2.addWeighted(faint, 0.45, canvas, 0.55, 0, dst=canvas)
    for top, left, bottom, right in boxes.tolist():
        _draw_name(canvas, ((left + right) // 2, (top + bottom) // 2), "background", BAR, QUIET, size)


def draw_areas(canvas: U8, areas: Regions, zoom: int, rejecting: Collection[str]) -> None:
    """Outline the inspected rectangle, ignored areas and zones with their names, in place.

    Args:
        canvas: Shape (H, W, 3), RGB.
        areas: In pixels of the frame.
        zoom: Pixels of the canvas for one of the frame.
        rejecting: Names of the zones that reject the part: their plates are filled.
    """
    stroke, size = max(2, canvas.shape[1] // 700), font_px(canvas.shape[1])
    if areas.roi is not None:
        left, top, width, height = (number * zoom for number in areas.roi)
        cv2.rectangle(canvas, (left, top), (left + width - 1, top + height - 1), ROI, stroke)
    for name, polygon in areas.ignored:
        points = _outline(canvas, polygon, zoom, QUIET, 1)
        middle = points.min(axis=0) + np.ptp(points, axis=0) // 2
        _draw_name(canvas, (int(middle[0]), int(middle[1])), name, BAR, QUIET, size)
    for place, (name, polygon) in enumerate(areas.zones):
        colour = ZONES[place % len(ZONES)]
        points = _outline(canvas, polygon, zoom, colour, stroke)
        is_filled = name in rejecting
        # In the lower left: the upper left corner of a tile holds its score.
        corner = (int(points[:, 1].max()) - 2 * size, int(points[:, 0].min()))
        _draw_plate(canvas, corner, name, colour if is_filled else BAR, INK if is_filled else colour, size)


def _outline(canvas: U8, polygon: Polygon, zoom: int, colour: RGB, stroke: int) -> npt.NDArray[np.int32]:
    """Draw a closed line, kept on the canvas; return its corners (x, y) in pixels of the canvas."""
    most = np.array((canvas.shape[1] - 1, canvas.shape[0] - 1), np.int32)
    points = np.minimum(np.array(polygon, np.int32) * zoom, most)
    cv2.polylines(canvas, [points], True, colour, stroke, cv2.LINE_AA)
    return points


def _draw_name(canvas: U8, middle_xy: tuple[int, int], name: str, ground: RGB, ink: RGB, size: int) -> None:
    corner = (middle_xy[1] - size, middle_xy[0] - (text_width(name, size) + size) // 2)
    _draw_plate(canvas, corner, name, ground, ink, size)


def _draw_plate(canvas: U8, corner_yx: tuple[int, int], name: str, ground: RGB, ink: RGB, size: int) -> None:
    """Draw a name on a plate that is moved onto the canvas where it would reach outside."""
    height, width = canvas.shape[:2]
    top = min(max(0, corner_yx[0]), height - 1 - 2 * size)
    left = min(max(0, corner_yx[1]), width - 1 - size - text_width(name, size))
    draw_chip(canvas, (max(0, top), max(0, left)), name, ground, size, ink)
