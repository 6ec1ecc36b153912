"""Where a heat map points, and how it is drawn."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest

from export.judge.drawing import HOT, OUTLINE, data_uri, heated, joined, outlined
from export.judge.pointing import hit_cells, play


def mask_at(y: int, x: int) -> np.ndarray:
    mask = np.zeros((256, 256), bool)
    mask[y, x] = True
    return mask


def test_the_cell_that_holds_the_defect_is_a_hit_and_so_is_one_within_15_pixels() -> None:
    assert hit_cells(mask_at(80, 80), (8, 8)).nonzero() == (np.array([2]), np.array([2]))  # in the middle of (2, 2)
    near = hit_cells(mask_at(80, 64 + 14), (8, 8))
    assert [tuple(cell) for cell in np.argwhere(near).tolist()] == [(2, 1), (2, 2)]
    far = hit_cells(mask_at(80, 64 + 15), (8, 8))
    assert [tuple(cell) for cell in np.argwhere(far).tolist()] == [(2, 2)]


def test_a_peak_on_the_defect_wins_and_chance_is_told() -> None:
    heat = np.zeros((8, 8), np.float32)
    heat[2, 2] = 1

    assert play(heat, mask_at(80, 80)) == (True, 1 / 64)
    assert play(heat, mask_at(208, 208)) == (False, 1 / 64)


def test_the_outline_stands_around_the_mask_and_hides_none_of_it() -> None:
    pixels, mask = np.full((100, 100, 3), 90, np.uint8), np.zeros((100, 100), bool)
    mask[40:60, 40:60] = True

    drawn = outlined(pixels, mask)

    assert (drawn[mask] == 90).all()
    assert (drawn == OUTLINE).all(axis=2).any()
    assert outlined(pixels, None) is pixels


def test_heat_lies_where_its_tile_lies_and_the_hotter_tile_wins_where_two_overlap() -> None:
    heat = np.stack([np.zeros((8, 8)), np.ones((8, 8))]).astype(np.float32)
    heat[0, 0, 7] = 5

    whole = joined(heat, np.array([[0, 0], [0, 200]]), (256, 456), (256, 256))

    assert whole[0, 0] == 0
    assert whole[0, 240] == 5
    assert whole[255, 240] == 1
    assert whole[0, 400] == 1


def test_only_what_speaks_for_a_defect_is_coloured() -> None:
    pixels = np.full((4, 4, 3), 100, np.uint8)
    heat = np.full((4, 4), -2.0, np.float32)
    heat[0, 0] = 3

    drawn = heated(pixels, heat)

    assert (drawn[0, 0] == np.round(np.array([100] * 3) * 0.4 + np.array(HOT) * 0.6)).all()
    assert (drawn[1:] == 100).all()
    assert (heated(pixels, -np.abs(heat) - 1) == 100).all()


@pytest.mark.parametrize(("shape", "expected"), [((100, 50, 3), (100, 50)), ((1280, 640, 3), (640, 320))])
def test_a_large_picture_is_made_smaller_in_the_page(shape: tuple[int, int, int], expected: tuple[int, int]) -> None:
    head, code = data_uri(np.zeros(shape, np.uint8)).split(",")

    assert head == "data:image/jpeg;base64"
    assert cv2.imdecode(np.frombuffer(base64.b64decode(code), np.uint8), cv2.IMREAD_COLOR).shape[:2] == expected
