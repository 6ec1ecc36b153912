"""Where the web ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.tile.background import Background, WebEdges
from edge_inspector.tile.regions import Regions, lay_regions

TILE = (32, 32)
STEEL, NIGHT = 120, 5


def _edges(
    frame: tuple[int, int] = (32, 160), regions: Regions | None = None, overlap: int = 0, **changes: object
) -> WebEdges:
    plan = lay_regions(frame, TILE, (4, 4), overlap, regions or Regions())
    values = {"darker_than": 20, "brighter_than": None, "share": 0.98, "min_tiles": 1} | changes
    return WebEdges(plan, TILE, Background(**values))  # type: ignore[arg-type]


def _strip(*dark: int, channels: int = 1, tiles: int = 5) -> np.ndarray:
    """Return a frame of tiles side by side, some of them dark."""
    frame = np.full((32, 32 * tiles, channels), STEEL, np.uint8)
    for tile in dark:
        frame[:, 32 * tile : 32 * (tile + 1)] = NIGHT
    return frame


def _left(edges: WebEdges, frame: np.ndarray) -> list[int] | None:
    found = edges.tiles(frame)
    return None if found is None else found.tolist()


@pytest.mark.parametrize("channels", [1, 3])
def test_dark_tiles_at_both_ends_are_skipped(channels: int) -> None:
    assert _left(_edges(), _strip(0, 1, 4, channels=channels)) == [2, 3]


def test_a_dark_tile_inside_the_web_is_a_defect_and_no_background() -> None:
    assert _left(_edges(), _strip(0, 2)) == [1, 2, 3, 4]


def test_a_dark_band_across_the_whole_web_is_inspected_and_a_frame_of_such_rows_alone_must_not_pass() -> None:
    frame = np.concatenate([_strip(0), _strip(0, 1, 2, 3, 4), _strip(4)])
    edges = _edges(frame=(96, 160))

    left = _left(edges, frame)

    assert left == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
    assert _left(edges, np.full_like(frame, NIGHT)) is None


def test_a_web_over_the_whole_frame_loses_nothing() -> None:
    assert _left(_edges(), _strip()) == [0, 1, 2, 3, 4]


def test_a_frame_without_a_web_must_not_pass() -> None:
    assert _left(_edges(), _strip(0, 1, 2, 3, 4)) is None


@pytest.mark.parametrize(("min_tiles", "left"), [(2, [2, 3]), (3, None)])
def test_fewer_tiles_than_must_be_there_must_not_pass(min_tiles: int, left: list[int] | None) -> None:
    assert _left(_edges(min_tiles=min_tiles), _strip(0, 1, 4)) == left


def test_a_named_zone_that_lies_beside_the_web_altogether_must_not_pass() -> None:
    zones = (("edge", ((0, 0), (40, 0), (40, 31), (0, 31))),)
    edges = _edges(regions=Regions(zones=zones))

    assert _left(edges, _strip(0)) == [1, 2, 3, 4]
    assert _left(edges, _strip(0, 1)) is None


def test_background_may_be_bright() -> None:
    frame = _strip(0)
    frame[frame == NIGHT] = 250

    assert _left(_edges(darker_than=None, brighter_than=240), frame) == [1, 2, 3, 4]
    assert _left(_edges(darker_than=None, brighter_than=250), frame) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("others", "left"), [(20, [1, 2, 3, 4]), (21, [0, 1, 2, 3, 4])])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_share_of_pixels_decides_to_the_last_pixel(others: int, left: list[int], channels: int) -> None:
    frame = _strip(0, channels=channels)
    ys, xs = np.divmod(np.arange(others) * 31, 32)
    frame[ys, xs] = STEEL  # 2 % of 1024 pixels are 20.48

    assert _left(_edges(), frame) == left


@pytest.mark.parametrize("channel", [0, 1, 2])
@pytest.mark.parametrize("pixels", [25, 120])
def test_a_pixel_with_one_bright_colour_is_no_background(channel: int, pixels: int) -> None:
    frame = _strip(0, channels=3)
    ys, xs = np.divmod(np.arange(pixels) * 7, 32)
    frame[ys, xs, channel] = STEEL

    assert _left(_edges(), frame) == [0, 1, 2, 3, 4]


def test_each_row_has_its_own_ends() -> None:
    edges = _edges(frame=(64, 96))
    frame = np.full((64, 96, 1), STEEL, np.uint8)
    frame[:32, :32] = frame[32:, 64:] = NIGHT

    assert _left(edges, frame) == [1, 2, 3, 4]


def test_an_ignored_tile_ends_the_search_from_either_side() -> None:
    ignored = (("clamp", ((32, 0), (63, 0), (63, 31), (32, 31))),)
    edges = _edges(regions=Regions(ignored=ignored))  # tiles 0, 2, 3, 4 of the strip

    assert _left(edges, _strip(0, 2, 3)) == [1, 2, 3]
    assert _left(edges, _strip(2, 3)) == [0, 1, 2, 3]
    assert _left(edges, _strip(0, 2, 3, 4)) is None


@given(st.sets(st.integers(0, 4)), st.integers(0, 31), st.integers(0, 4))
def test_a_tile_with_much_of_the_web_is_never_skipped(dark: set[int], row: int, tile: int) -> None:
    frame = _strip(*dark)
    frame[row, 32 * tile : 32 * (tile + 1)] = STEEL  # 3 % of the tile

    left = _left(_edges(), frame)

    assert left is not None
    assert tile in left
    assert set(range(5)) - dark <= set(left)
