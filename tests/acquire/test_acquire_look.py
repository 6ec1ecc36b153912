from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rigs import OTHER_SHAPE, SHAPE, write_pictures

from edge_inspector.acquire.look import snap, snaps
from edge_inspector.acquire.plan import ReplayPlan, SyntheticPlan
from edge_inspector.core.errors import CameraLostError


def test_a_snap_is_the_first_whole_picture_and_belongs_to_the_caller(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1, SHAPE)
    (tmp_path / "000-broken.png").write_bytes(b"no picture")

    pixels = snap(ReplayPlan("cam0", SHAPE, tmp_path))

    assert pixels.shape == SHAPE.hwc
    assert pixels.flags.writeable
    assert pixels.dtype == np.uint8


def test_a_snap_of_broken_pictures_says_what_came_instead(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3, OTHER_SHAPE)

    with pytest.raises(CameraLostError, match=r"cam0 gave no whole picture.*3 invalid came.*check"):
        snap(ReplayPlan("cam0", SHAPE, tmp_path))


def test_a_snap_does_not_wait_for_ever() -> None:
    with pytest.raises(CameraLostError, match=r"in 0 s \(nothing came\)"):
        snap(SyntheticPlan("cam0", SHAPE), timeout_s=0.0)


def test_several_snaps_are_the_pictures_in_order_until_the_source_ends(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3, SHAPE)
    plan = ReplayPlan("cam0", SHAPE, tmp_path)

    assert [pixels.shape for pixels in snaps(plan, 2)] == [SHAPE.hwc] * 2
    assert len(list(snaps(plan, 9))) == 3


def test_snaps_wait_for_each_picture_anew_and_say_when_one_does_not_come() -> None:
    pictures = snaps(SyntheticPlan("cam0", SHAPE, rate_hz=0.01), 2, timeout_s=0.5)
    first = next(pictures)

    with pytest.raises(CameraLostError, match="no whole picture"):
        next(pictures)

    assert first.shape == SHAPE.hwc
