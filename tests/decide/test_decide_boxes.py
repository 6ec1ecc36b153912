"""Boxes from heat maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge_inspector.decide.boxes import covered_area_px, defect_boxes

TILE = (256, 256)  # 8x8 cells of 32 px


def _heat(*cells: tuple[int, int, float]) -> np.ndarray:
    heat = np.full((8, 8), -3.0, np.float32)
    for y, x, value in cells:
        heat[y, x] = value
    return heat


def test_one_hot_cell_is_one_cell_in_x_y_order() -> None:
    assert defect_boxes(_heat((1, 5, 4.0)), TILE) == [(160, 32, 32, 32)]


def test_cells_that_touch_by_a_corner_are_one_defect() -> None:
    assert defect_boxes(_heat((2, 2, 4.0), (3, 3, 3.0)), TILE) == [(64, 64, 64, 64)]


def test_separate_defects_come_with_the_highest_cell_first() -> None:
    boxes = defect_boxes(_heat((0, 0, 3.0), (7, 7, 4.0)), TILE)

    assert boxes == [(224, 224, 32, 32), (0, 0, 32, 32)]


@pytest.mark.parametrize(("value", "n_boxes"), [(1.9, 1), (2.0, 2)])
def test_a_cell_at_the_share_of_the_peak_belongs_and_below_it_does_not(value: float, n_boxes: int) -> None:
    assert len(defect_boxes(_heat((0, 0, 4.0), (5, 5, value)), TILE, share=0.5)) == n_boxes


def test_a_map_that_speaks_for_ok_everywhere_boxes_its_peak_alone() -> None:
    assert defect_boxes(_heat((4, 6, -1.0)), TILE) == [(192, 128, 32, 32)]
    assert defect_boxes(np.zeros((8, 8), np.float32), TILE) == [(0, 0, 32, 32)]


def test_cells_that_are_no_whole_pixels_round_outward() -> None:
    heat = np.zeros((3, 3), np.float32)
    heat[1, 1] = 1.0

    assert defect_boxes(heat, (10, 10)) == [(3, 3, 4, 4)]  # 3.33 to 6.67


@given(
    heat=arrays.arrays(
        np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(-50, 50, width=32)
    ),
    tile_hw=st.tuples(st.integers(9, 100), st.integers(9, 100)),
    share=st.floats(0.01, 1.0),
)
def test_boxes_lie_in_the_tile_and_the_first_holds_the_peak(
    heat: np.ndarray, tile_hw: tuple[int, int], share: float
) -> None:
    boxes = defect_boxes(heat, tile_hw, share)

    for x, y, w, h in boxes:
        assert w > 0
        assert h > 0
        assert 0 <= x <= x + w <= tile_hw[1]
        assert 0 <= y <= y + h <= tile_hw[0]
    x, y, w, h = boxes[0]
    first_cell = heat[_cells(y, h, tile_hw[0], heat.shape[0]), _cells(x, w, tile_hw[1], heat.shape[1])]
    assert first_cell.max() == heat.max()


def _cells(start: int, length: int, tile_px: int, n_cells: int) -> slice:
    return slice(start * n_cells // tile_px, -(-(start + length) * n_cells // tile_px))


@given(st.lists(st.tuples(*[st.integers(0, 20)] * 2, *[st.integers(1, 15)] * 2), max_size=12))
def test_covered_area_counts_every_pixel_once(boxes: list[tuple[int, int, int, int]]) -> None:
    canvas = np.zeros((40, 40), bool)
    for x, y, w, h in boxes:
        canvas[y : y + h, x : x + w] = True

    assert covered_area_px(boxes) == canvas.sum()
