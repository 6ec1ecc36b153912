"""From areas in pixels to tiles and heat cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.tile.regions import REST, Plan, Regions, filled, ignored_pixels, lay_regions

FRAME, TILE, HEAT = (128, 384), (128, 128), (4, 4)  # three tiles side by side, cells of 32 px


def _plan(regions: Regions, frame: tuple[int, int] = FRAME, overlap: int = 0) -> Plan:
    return lay_regions(frame, TILE, HEAT, overlap, regions)


def _box(x: int, y: int, width: int, height: int) -> tuple[tuple[int, int], ...]:
    """Return a polygon that covers exactly so many pixels: its edge belongs to it."""
    right, bottom = x + width - 1, y + height - 1
    return ((x, y), (right, y), (right, bottom), (x, bottom))


def _zone(plan: Plan, name: str) -> np.ndarray:
    return dict(plan.zones)[name]


def test_without_anything_drawn_all_is_inspected_by_the_line_s_rules() -> None:
    plan = _plan(Regions())

    assert plan.corners_yx.tolist() == [[0, 0], [0, 128], [0, 256]]
    assert plan.is_plain
    assert [name for name, _ in plan.zones] == [REST]
    assert plan.n_grid == 3


def test_the_tiles_are_laid_over_the_rectangle_alone() -> None:
    plan = _plan(Regions(roi=(20, 10, 260, 140)), frame=(200, 384))

    assert plan.corners_yx.tolist() == [[10, 20], [10, 148], [10, 152], [22, 20], [22, 148], [22, 152]]
    assert plan.is_plain


def test_a_tile_with_nothing_to_inspect_is_not_asked_about() -> None:
    plan = _plan(Regions(ignored=(("clamp", _box(128, 0, 128, 128)),)))

    assert plan.corners_yx.tolist() == [[0, 0], [0, 256]]
    assert plan.n_grid == 3
    assert plan.is_plain


@pytest.mark.parametrize(("width", "is_inspected"), [(32, False), (31, True)])
def test_a_cell_is_inspected_while_one_pixel_of_it_is(width: int, is_inspected: bool) -> None:
    plan = _plan(Regions(ignored=(("clamp", _box(64, 32, width, 32)),)))

    assert plan.inspected[0, 1, 2] == is_inspected
    assert plan.inspected.sum() == 48 - (not is_inspected)
    assert plan.is_plain is is_inspected


def test_a_cell_belongs_to_every_zone_that_touches_it_and_to_the_rest_only_without_one() -> None:
    zones = (("one", _box(0, 0, 33, 128)), ("two", _box(40, 0, 10, 10)))

    plan = _plan(Regions(zones=zones))

    assert _zone(plan, "one")[0].tolist() == [[True, True, False, False]] * 4
    assert np.argwhere(_zone(plan, "two")).tolist() == [[0, 0, 1]]
    assert _zone(plan, REST).sum() == 48 - 8
    assert not (_zone(plan, REST) & _zone(plan, "one")).any()


def test_the_edge_of_a_polygon_belongs_to_it() -> None:
    plan = _plan(Regions(zones=(("one", ((0, 0), (32, 0), (32, 31), (0, 31))),)))

    assert np.argwhere(_zone(plan, "one")[0]).tolist() == [[0, 0], [0, 1]]


def test_what_is_ignored_belongs_to_no_zone() -> None:
    ignored = (("clamp", _box(0, 0, 32, 32)),)

    plan = _plan(Regions(ignored=ignored, zones=(("one", _box(0, 0, 64, 32)),)))

    assert np.argwhere(_zone(plan, "one")).tolist() == [[0, 0, 1]]


def test_zones_over_everything_leave_no_rest() -> None:
    plan = _plan(Regions(zones=(("all", _box(0, 0, 384, 128)),)))

    assert [name for name, _ in plan.zones] == ["all"]
    assert not plan.is_plain


def test_overlapping_polygons_are_ignored_together() -> None:
    both = filled(FRAME, [_box(0, 0, 20, 20), _box(10, 10, 20, 20)])

    assert both[15, 15]
    assert both.sum() == 400 + 400 - 100


def test_mask_rectangle_and_areas_are_ignored_together() -> None:
    mask = np.zeros(FRAME, bool)
    mask[:, 300:] = True
    packed = np.packbits(mask).tobytes()

    ignored = ignored_pixels(FRAME, Regions((5, 0, 379, 128), (("clamp", _box(100, 0, 10, 10)),), packed))

    assert ignored.sum() == 84 * 128 + 5 * 128 + 100
    assert ignored[0, [0, 4, 5, 99, 100, 109, 110, 299, 300]].tolist() == [
        *(True, True, False, False, True, True, False, False, True)
    ]


def test_cells_that_are_no_whole_pixels_are_rounded_outward() -> None:
    plan = lay_regions((100, 100), (100, 100), (3, 3), 0, Regions(zones=(("one", _box(33, 0, 1, 1)),)))

    assert np.argwhere(_zone(plan, "one")[0]).tolist() == [[0, 0], [0, 1]]


def test_nothing_to_inspect_leaves_no_tile() -> None:
    plan = _plan(Regions(ignored=(("all", _box(0, 0, 384, 128)),)))

    assert plan.corners_yx.shape == (0, 2)
    assert plan.zones == ()


def test_a_rectangle_smaller_than_a_tile_is_refused() -> None:
    with pytest.raises(ValueError, match="must hold a whole tile"):
        _plan(Regions(roi=(0, 0, 100, 128)))


_POINT = st.tuples(st.integers(0, 384), st.integers(0, 128))
_AREA = st.lists(_POINT, min_size=3, max_size=6).map(tuple)


@given(st.lists(_AREA, max_size=3), st.lists(_AREA, max_size=3), st.integers(0, 100))
def test_every_pixel_to_inspect_lies_in_a_cell_of_some_zone(
    ignored: list[tuple[tuple[int, int], ...]], zones: list[tuple[tuple[int, int], ...]], overlap: int
) -> None:
    regions = Regions(
        ignored=tuple((f"i{n}", area) for n, area in enumerate(ignored)),
        zones=tuple((f"z{n}", area) for n, area in enumerate(zones)),
    )

    plan = _plan(regions, overlap=overlap)

    covered = np.zeros(FRAME, bool)
    together = np.zeros_like(plan.inspected)
    for _, cells in plan.zones:
        together |= cells
    for (y, x), cells in zip(plan.corners_yx.tolist(), together, strict=True):
        covered[y : y + 128, x : x + 128] |= np.kron(cells, np.ones((32, 32), bool))
    assert (together == plan.inspected).all()
    assert covered[~ignored_pixels(FRAME, regions)].all()
