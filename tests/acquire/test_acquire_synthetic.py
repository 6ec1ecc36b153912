from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.acquire.plan import SyntheticPlan
from edge_inspector.acquire.synthetic import METAL_GREY, MIN_SPOT_PX, SPOT_GREY, SyntheticCamera, truth
from edge_inspector.core.frame import U8, FrameShape
from edge_inspector.core.ports import SourceEnded

PLAN = SyntheticPlan("cam0", FrameShape(96, 128, 3), rate_hz=None, count=12, defect_every=3)


def draw(plan: SyntheticPlan) -> list[U8]:
    """All pictures of a plan, copied."""
    pictures = []
    with SyntheticCamera(plan) as camera:
        for _ in range(plan.count or 0):
            arrival = camera.fetch(0.0)
            assert arrival is not None
            assert arrival.pixels is not None
            pictures.append(arrival.pixels.copy())
    return pictures


def test_every_nth_part_has_one_dark_spot_where_truth_says() -> None:
    for frame_id, pixels in enumerate(draw(PLAN), start=1):
        spot = truth(PLAN, frame_id)
        dark = np.argwhere(pixels[:, :, 0] < METAL_GREY[0])

        assert (spot is not None) == (frame_id % 3 == 0)
        if spot is None:
            assert len(dark) == 0
        else:
            assert tuple(dark.mean(axis=0)) == (spot.y, spot.x)
            assert tuple(np.ptp(dark, axis=0) + 1) == (spot.diameter, spot.diameter)
            assert (pixels[spot.y, spot.x] == SPOT_GREY).all()


def test_metal_is_light_streaked_along_the_rows_and_without_colour() -> None:
    good = draw(PLAN)[0].astype(float)

    assert METAL_GREY[0] <= good.min() < good.max() <= METAL_GREY[1]
    assert np.abs(np.diff(good, axis=0)).mean() > 2 * np.abs(np.diff(good, axis=1)).mean()
    assert (good[:, :, :1] == good).all()


@given(
    height=st.integers(16, 300),
    width=st.integers(16, 300),
    frame_id=st.integers(1, 10**6),
    seed=st.integers(-(2**70), 2**70),
)
def test_a_spot_lies_wholly_inside_any_frame_and_is_wide_enough(
    height: int, width: int, frame_id: int, seed: int
) -> None:
    plan = SyntheticPlan("cam0", FrameShape(height, width, 1), defect_every=1, seed=seed)

    spot = truth(plan, frame_id)

    assert spot is not None
    assert spot.diameter >= MIN_SPOT_PX
    radius = spot.diameter // 2
    assert radius <= spot.y < height - radius
    assert radius <= spot.x < width - radius


def test_the_same_seed_draws_the_same_parts_and_another_one_others() -> None:
    assert all(np.array_equal(a, b) for a, b in zip(draw(PLAN), draw(PLAN), strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(draw(PLAN), draw(replace(PLAN, seed=1)), strict=True))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_frame_has_the_channels_of_its_plan(channels: int) -> None:
    shape = FrameShape(32, 48, channels)

    assert draw(replace(PLAN, frame=shape, count=1))[0].shape == shape.hwc


def test_it_ends_after_its_count() -> None:
    with SyntheticCamera(replace(PLAN, count=2)) as camera:
        ids = [arrival.frame_id for arrival in (camera.fetch(0.0), camera.fetch(0.0)) if arrival is not None]

        assert ids == [1, 2]
        with pytest.raises(SourceEnded):
            camera.fetch(0.0)
