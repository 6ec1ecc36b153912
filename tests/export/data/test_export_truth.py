"""The truth about tiles: what a border cuts off is nobody's, but no defect loses the tile that shows it best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.tile.grid import grid_corners
from export.data.index import Cutting
from export.data.truth import judge_tiles

HW = (512, 1024)
CORNERS = grid_corners(HW, Cutting().tile_hw, 0)


def drawn(*boxes: tuple[int, int, int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return a mask with boxes (y, x, height, width)."""
    mask = np.zeros(HW, bool)
    for y, x, height, width in boxes:
        mask[y : y + height, x : x + width] = True
    return mask


def said(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], cutting: Cutting) -> str:
    """Return a letter for each tile of the upper row: OK, DEFECT, nobody's."""
    truth = judge_tiles(mask, CORNERS[:4], cutting)
    return "".join("O" if ok else "D" if bad else "-" for ok, bad in zip(truth.is_ok, truth.is_defect, strict=True))


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(100, 206, 10, 70)], "D-OO"),  # 500 pixels left of the border, 200 right of it
        ([(100, 216, 10, 80)], "DDOO"),  # 400 on each side
        ([(100, 206, 10, 70), (10, 400, 10, 30)], "DDOO"),  # the neighbour has one of its own
        ([(100, 246, 4, 300)], "-D-O"),  # a crack through a whole tile, its ends in two more
        ([(100, 246, 4, 5), (100, 256, 4, 30)], "-DOO"),  # drawn in two pieces, 5 pixels apart
        ([(100, 216, 10, 40), (100, 300, 10, 20)], "DDOO"),  # two defects, far apart
        ([(10, 10, 5, 5)], "-OOO"),  # 25 pixels: nobody's, as before
    ],
)
def test_a_tile_with_the_end_of_a_defect_that_its_neighbour_shows_is_nobodys(
    boxes: list[tuple[int, int, int, int]], expected: str
) -> None:
    assert said(drawn(*boxes), Cutting()) == expected


def test_with_share_0_the_number_of_pixels_alone_counts() -> None:
    assert said(drawn((100, 206, 10, 70)), Cutting(defect_share=0)) == "DDOO"


def test_a_tile_between_those_of_the_grid_is_measured_against_the_grid() -> None:
    mask = drawn((100, 216, 10, 80))
    truth = judge_tiles(mask, np.array([[0, 128], [0, 30]]), Cutting())

    assert truth.mask_px.tolist() == [800, 700]
    assert truth.is_defect.all()


boxes = st.tuples(st.integers(0, 480), st.integers(0, 1000), st.integers(1, 60), st.integers(1, 500))


@given(st.lists(boxes, min_size=1, max_size=5), st.floats(0, 1))
def test_no_picture_loses_its_last_defect_and_no_ok_tile_changes(
    found: list[tuple[int, int, int, int]], share: float
) -> None:
    mask = drawn(*found)
    strict, ours = (judge_tiles(mask, CORNERS, Cutting(defect_share=s)) for s in (0.0, share))

    np.testing.assert_array_equal(ours.mask_px, strict.mask_px)
    np.testing.assert_array_equal(ours.is_ok, strict.is_ok)
    assert not (ours.is_defect & ~strict.is_defect).any()
    assert ours.is_defect.any() == strict.is_defect.any()
