"""Copying tiles out of frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.core.frame import U8
from edge_inspector.tile.cut import cut_tiles
from edge_inspector.tile.grid import grid_corners


def _frame(height: int, width: int, channels: int, seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


@given(
    tile_hw=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    extra_hw=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_tiles_put_back_at_their_corners_give_the_frame(
    tile_hw: tuple[int, int], extra_hw: tuple[int, int], channels: int, seed: int
) -> None:
    frame = _frame(tile_hw[0] + extra_hw[0], tile_hw[1] + extra_hw[1], channels, seed)
    corners = grid_corners(frame.shape[:2], tile_hw, overlap=0)

    tiles = cut_tiles(frame, corners, tile_hw)

    rebuilt = np.zeros_like(frame)
    for tile, (y, x) in zip(tiles, corners.tolist(), strict=True):
        assert np.array_equal(tile, frame[y : y + tile_hw[0], x : x + tile_hw[1]])
        rebuilt[y : y + tile_hw[0], x : x + tile_hw[1]] = tile
    assert np.array_equal(rebuilt, frame)


def test_a_grey_frame_feeds_a_colour_model_by_repetition() -> None:
    frame = _frame(8, 12, 1)
    corners = grid_corners((8, 12), (8, 8), overlap=0)
    out = np.zeros((2, 8, 8, 3), np.uint8)

    tiles = cut_tiles(frame, corners, (8, 8), out)

    assert np.array_equal(tiles, np.repeat(cut_tiles(frame, corners, (8, 8)), 3, axis=3))


def test_the_given_buffer_is_filled_from_the_front_and_the_rest_left_alone() -> None:
    frame = _frame(8, 16, 3)
    out = np.full((3, 8, 8, 3), 7, np.uint8)

    tiles = cut_tiles(frame, grid_corners((8, 16), (8, 8), 0), (8, 8), out)

    assert np.shares_memory(tiles, out)
    assert len(tiles) == 2
    assert (out[2] == 7).all()


def test_tiles_stay_when_the_frame_is_overwritten() -> None:
    frame = _frame(8, 8, 3)
    before = frame.copy()

    tiles = cut_tiles(frame, np.zeros((1, 2), np.intp), (8, 8))
    frame[:] = 0

    assert np.array_equal(tiles[0], before)


@pytest.mark.parametrize("corner", [(-1, 0), (0, -1), (1, 0), (0, 9)])
def test_a_tile_outside_the_frame_is_refused(corner: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"reaches outside frame 8x16"):
        cut_tiles(_frame(8, 16, 1), np.array([corner]), (8, 8))


@pytest.mark.parametrize("shape", [(1, 8, 8, 3), (2, 8, 9, 3), (2, 8, 8, 1)])
def test_a_buffer_that_cannot_hold_the_tiles_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot hold 2 tiles 8x8 of 3 channels"):
        cut_tiles(_frame(8, 16, 3), grid_corners((8, 16), (8, 8), 0), (8, 8), np.zeros(shape, np.uint8))
