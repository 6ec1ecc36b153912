from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rigs import OTHER_SHAPE, SHAPE, write_pictures

from edge_inspector.acquire.look import snap
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
