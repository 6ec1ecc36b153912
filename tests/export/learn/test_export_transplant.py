"""A moved defect is the same defect: it shows where it is put, and nothing else of the tile changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.core.frame import U8
from export.learn.transplant import LEAST_SHOWN, RIM_PX, Mask, put_defect, take_defect

SIDE = 256


def _pitted(y: int, x: int, height: int, width: int, surface: int = 150, pit: int = 60) -> tuple[U8, Mask]:
    tile = np.full((SIDE, SIDE, 3), surface, np.uint8)
    mask = np.zeros((SIDE, SIDE), bool)
    tile[y : y + height, x : x + width], mask[y : y + height, x : x + width] = pit, True
    return tile, mask


def _flat(grey: int) -> U8:
    return np.full((SIDE, SIDE, 3), grey, np.uint8)


@given(st.integers(0, 2**32 - 1), st.integers(10, 250), st.integers(10, 250), st.integers(0, 255), st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_a_moved_defect_shows_at_least_half_its_contrast_or_is_not_moved(
    seed: int, surface: int, pit: int, ground: int, size: int
) -> None:
    chance = np.random.default_rng(seed)
    tile, mask = _pitted(*(int(chance.integers(0, SIDE - size + 1)) for _ in "yx"), size, size, surface, pit)
    defect = take_defect(tile, mask)
    assert defect is not None

    put = put_defect(defect, _flat(ground), chance)

    if put is None:
        return
    change = np.abs(put.astype(float) - ground).mean(axis=2)
    assert change.sum() >= 0.99 * LEAST_SHOWN * defect.contrast * mask.sum() - mask.sum()  # a grey value for rounding
    assert np.count_nonzero(change) <= (size + 2 * RIM_PX) ** 2


def test_a_pit_keeps_its_depth_in_proportion_to_the_light() -> None:
    tile, mask = _pitted(100, 100, 20, 30, surface=150, pit=75)
    defect = take_defect(tile, mask)
    assert defect is not None

    put = put_defect(defect, _flat(200), np.random.default_rng(0))

    assert put is not None
    dark = put[..., 0] < 120
    assert np.count_nonzero(dark) == 20 * 30
    assert put[dark].mean() == pytest.approx(200 * 75 / 150, abs=8)
    assert int(put.max()) <= 201  # nothing about it is brighter than the surface: no halo that could be learned


def test_a_defect_is_not_put_where_it_would_be_hidden() -> None:
    tile, mask = _pitted(100, 100, 20, 20)
    defect = take_defect(tile, mask)
    assert defect is not None

    assert put_defect(defect, _flat(5), np.random.default_rng(0)) is None
    half_dark = _flat(150)
    half_dark[:, :128] = 5
    for seed in range(20):
        put = put_defect(defect, half_dark, np.random.default_rng(seed))
        if put is not None:
            assert np.flatnonzero((put != half_dark).any(axis=(0, 2))).min() > 100


def test_a_defect_goes_anywhere_but_what_a_border_cut_off_stays_there() -> None:
    ground, seeds = _flat(150), range(30)
    inside, cut_off = (take_defect(*_pitted(100, x, 20, 20)) for x in (100, SIDE - 20))
    assert inside is not None
    assert cut_off is not None

    places = [_place_of(put_defect(inside, ground, np.random.default_rng(seed)), ground) for seed in seeds]
    at_border = [_place_of(put_defect(cut_off, ground, np.random.default_rng(seed)), ground) for seed in seeds]

    assert len({y for y, _ in places}) > 20
    assert len({x for _, x in places}) > 20
    assert len({y for y, _ in at_border}) > 20
    assert all(SIDE - 20 - RIM_PX <= x <= SIDE - 20 for _, x in at_border)


def _place_of(put: U8 | None, ground: U8) -> tuple[int, int]:
    assert put is not None
    x, y, _, _ = cv2.boundingRect((put != ground).any(axis=2).astype(np.uint8))
    return y, x


@pytest.mark.parametrize("is_marked", [False, True])
def test_a_tile_that_is_all_defect_or_none_gives_nothing_to_move(is_marked: bool) -> None:
    assert take_defect(_flat(100), np.full((SIDE, SIDE), is_marked)) is None
