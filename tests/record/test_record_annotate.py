"""What the annotated picture shows, and that it leaves the frame alone."""

from typing import Any

import numpy as np
import pytest

from edge_inspector.core.verdict import Defect
from edge_inspector.record.annotate import Caption, annotate, caption_of

CORNERS = np.array([(0, 0), (0, 512)], np.intp)
CAPTION = Caption(4711, "REJECT", "defect", 0.97, "steel@1.0.0")


def draw(**changes: Any) -> np.ndarray:
    values: dict[str, Any] = {
        "pixels": np.full((512, 1024, 3), 90, np.uint8),
        "corners_yx": CORNERS,
        "tile_hw": (512, 512),
        "scores": np.array([0.02, 0.97], np.float32),
        "over": np.array([False, True]),
        "heat": None,
        "defects": [],
        "caption": CAPTION,
    }
    return annotate(**(values | changes))


def colourfulness(picture: np.ndarray) -> np.ndarray:
    spread: np.ndarray = picture.max(axis=-1).astype(int) - picture.min(axis=-1)
    return spread


def test_the_caption_stands_below_the_whole_frame() -> None:
    picture = draw()

    assert picture.dtype == np.uint8
    assert picture.shape[0] > 512
    assert picture.shape[1:] == (1024, 3)


def test_only_a_tile_over_its_limit_is_highlighted() -> None:
    frame = draw()[:512]

    assert colourfulness(frame[:, :510]).max() == 0
    assert colourfulness(frame[:, 512:]).max() > 100


def test_heat_is_drawn_where_it_is_positive_only() -> None:
    heat = np.full((2, 8, 8), -5, np.float32)
    heat[1, 4, 4] = 3

    frame = draw(heat=heat, over=np.array([False, False]))[:512]

    assert colourfulness(frame[4 * 64 : 5 * 64, 512 + 4 * 64 : 512 + 5 * 64]).min() > 0
    assert colourfulness(frame[:, :512]).max() == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0])
def test_heat_that_says_nothing_draws_nothing(bad: float) -> None:
    frame = draw(heat=np.full((2, 8, 8), bad, np.float32), over=np.array([False, False]))[:512]

    assert colourfulness(frame).max() == 0


def test_a_defect_is_marked_at_its_corners() -> None:
    frame = draw(defects=[Defect(64, 128, 96, 64, 0.97, "DEFECT")], over=np.array([False, False]))[:512]

    marked = np.argwhere(colourfulness(frame) > 60)

    assert marked.min(axis=0) == pytest.approx((128, 64), abs=2)
    assert marked.max(axis=0) == pytest.approx((191, 159), abs=2)


def test_the_verdict_gives_the_bar_its_colour() -> None:
    bars = {v: tuple(draw(caption=Caption(1, v, "-", None, "-"))[-1, 1]) for v in ("PASS", "REJECT", "UNKNOWN", "?")}

    assert len(set(bars.values())) == 3
    assert bars["?"] == bars["UNKNOWN"]


def test_the_frame_itself_is_not_touched() -> None:
    pixels = np.full((512, 1024, 3), 90, np.uint8)

    draw(pixels=pixels)

    assert (pixels == 90).all()


def test_a_narrow_grey_frame_is_enlarged_so_that_text_fits() -> None:
    picture = draw(
        pixels=np.zeros((64, 300, 1), np.uint8),
        corners_yx=np.array([(0, 0)]),
        tile_hw=(64, 300),
        scores=np.array([np.nan], np.float32),
        over=np.array([True]),
    )

    assert picture.shape[1:] == (1200, 3)


def test_a_part_that_was_not_judged_is_drawn_too() -> None:
    assert draw(scores=None, over=None, caption=caption_of({})).shape[1] == 1024
