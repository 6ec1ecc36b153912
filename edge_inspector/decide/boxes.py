"""Where in a tile the model saw it: boxes of whole heat cells. Pure.

A class activation map is coarse: one cell stands for a square of the tile (32 px where the network shrinks by 32).
So a box is a place to look, never an outline, and it is always in whole cells.
"""

from __future__ import annotations

import numpy as np

from edge_inspector.core.frame import F32

Box = tuple[int, int, int, int]
"""(x, y, w, h) in pixels."""

_Cell = tuple[int, int]


def defect_boxes(heat: F32, tile_hw: tuple[int, int], share: float = 0.5) -> list[Box]:
    """Box the connected cells of one heat map that reach a share of its peak.

    Cells that touch by an edge or a corner are one defect: a scratch runs diagonally as often as not. Only evidence
    for a defect is boxed: where the whole map speaks for OK (peak at or below 0), the box is the peak's cell alone,
    so that a tile over its limit always has a place to look at.

    Args:
        heat: Shape (h', w'), rows from the top; finite, or -inf for a cell that must not be boxed.
        tile_hw: Tile height and width, in pixels.
        share: Share of the peak from which a cell belongs to a defect, over 0 and at most 1.

    Returns:
        Boxes in tile pixels, in whole cells, the one with the highest cell first. Never empty.
    """
    peak_cell = _cell_of_peak(heat)
    peak = float(heat[peak_cell])
    if peak <= 0.0:
        return [_box_of({peak_cell}, heat.shape, tile_hw)]
    ys, xs = np.nonzero(heat >= np.float32(share * peak))
    hot = {cell: float(heat[cell]) for cell in zip(ys.tolist(), xs.tolist(), strict=True)}
    hot[peak_cell] = peak  # share 1.0 times the peak may round up past the peak itself
    groups = connected(set(hot))
    groups.sort(key=lambda cells: max(hot[cell] for cell in cells), reverse=True)
    return [_box_of(cells, heat.shape, tile_hw) for cells in groups]


def covered_area_px(boxes: list[Box]) -> int:
    """Return the pixels that boxes cover together, each pixel once.

    Neighbouring tiles overlap, so the same defect is often boxed twice; adding the areas up would count it twice.
    """
    if not boxes:
        return 0
    sides = np.array(boxes, np.int64)
    left, top = sides[:, 0], sides[:, 1]
    right, bottom = left + sides[:, 2], top + sides[:, 3]
    # Between two neighbouring edges every pixel has the same answer, so a small grid of edges decides for all.
    xs, ys = np.unique(np.concatenate([left, right])), np.unique(np.concatenate([top, bottom]))
    is_covered = np.zeros((len(ys) - 1, len(xs) - 1), bool)
    places = (
        np.searchsorted(ys, top),
        np.searchsorted(ys, bottom),
        np.searchsorted(xs, left),
        np.searchsorted(xs, right),
    )
    for y0, y1, x0, x1 in zip(*(place.tolist() for place in places), strict=True):
        is_covered[y0:y1, x0:x1] = True
    return int(np.diff(ys) @ is_covered @ np.diff(xs))


def _cell_of_peak(heat: F32) -> _Cell:
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    return row, column


def connected(cells: set[_Cell]) -> list[set[_Cell]]:
    """Split cells into groups that hang together by an edge or a corner; empties `cells`.

    A flood fill in plain Python: a heat map has 64 cells or so, for which a library call costs more than it saves.
    """
    groups = []
    while cells:
        group: set[_Cell] = set()
        frontier = [cells.pop()]
        while frontier:
            y, x = frontier.pop()
            group.add((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & cells
            cells -= near
            frontier.extend(near)
        groups.append(group)
    return groups


def _box_of(cells: set[_Cell], heat_hw: tuple[int, ...], tile_hw: tuple[int, int]) -> Box:
    """Return the box around cells; its edges round outward where a cell is not a whole number of pixels."""
    (x, w), (y, h) = (_span([cell[axis] for cell in cells], tile_hw[axis], heat_hw[axis]) for axis in (1, 0))
    return x, y, w, h


def _span(places: list[int], tile_px: int, n_cells: int) -> tuple[int, int]:
    start = min(places) * tile_px // n_cells
    end = -(-(max(places) + 1) * tile_px // n_cells)  # rounded up
    return start, end - start
