"""Where tiles stand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.tile.grid import grid_corners


@st.composite
def _grids(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[int, int], int]:
    tile_hw = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    frame_hw = tuple(side + draw(st.integers(0, 120)) for side in tile_hw)
    overlap = draw(st.integers(0, min(tile_hw) - 1))
    return (frame_hw[0], frame_hw[1]), tile_hw, overlap


@given(_grids())
def test_every_pixel_lies_in_a_tile_and_no_tile_outside_the_frame(grid: tuple) -> None:
    frame_hw, (tile_h, tile_w), overlap = grid

    corners = grid_corners(frame_hw, (tile_h, tile_w), overlap)

    covered = np.zeros(frame_hw, bool)
    for y, x in corners.tolist():
        assert 0 <= y <= frame_hw[0] - tile_h
        assert 0 <= x <= frame_hw[1] - tile_w
        covered[y : y + tile_h, x : x + tile_w] = True
    assert covered.all()


@given(_grids())
def test_tiles_come_row_by_row_and_never_twice(grid: tuple) -> None:
    corners = grid_corners(*grid).tolist()

    assert corners == sorted(corners)
    assert len({tuple(corner) for corner in corners}) == len(corners)


@given(_grids())
def test_neighbours_share_at_least_the_overlap(grid: tuple) -> None:
    _, tile_hw, overlap = grid

    corners = grid_corners(*grid)

    for axis in (0, 1):
        starts = np.unique(corners[:, axis])
        assert (np.diff(starts) <= tile_hw[axis] - overlap).all()


@given(_grids())
def test_there_are_no_more_tiles_than_the_frame_needs(grid: tuple) -> None:
    frame_hw, tile_hw, overlap = grid

    corners = grid_corners(*grid)

    fewest = [1 + math.ceil((f - t) / (t - overlap)) for f, t in zip(frame_hw, tile_hw, strict=True)]
    assert len(corners) == fewest[0] * fewest[1]


def test_the_last_column_of_a_steel_strip_is_pushed_inward() -> None:
    corners = grid_corners((256, 1600), (256, 256), overlap=0)

    assert corners.tolist() == [[0, x] for x in (0, 256, 512, 768, 1024, 1280, 1344)]


@pytest.mark.parametrize(
    ("frame_hw", "overlap", "message"),
    [
        ((255, 1600), 0, "frame is 255 px high, a tile is 256 px high"),
        ((256, 255), 0, "frame is 255 px wide, a tile is 256 px wide"),
        ((256, 1600), 256, "overlap of 256 px"),
        ((256, 1600), -1, "overlap of -1 px"),
    ],
)
def test_a_grid_that_cannot_be_says_why(frame_hw: tuple[int, int], overlap: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grid_corners(frame_hw, (256, 256), overlap)
