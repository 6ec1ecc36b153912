from __future__ import annotations

import pytest

from edge_inspector.acquire.nodes import base_features, is_same
from edge_inspector.acquire.plan import FeatureValue, GenicamPlan
from edge_inspector.core.frame import FrameShape


@pytest.mark.parametrize(
    ("wanted", "got", "same"),
    [
        (500.0, 499.8, True),
        (500, 499.8, True),
        (500.0, 450.0, False),
        (0.0, 0.0, True),
        (256, 256, True),
        (256, 255, False),
        (True, True, True),
        (True, 1, False),
        (1, True, False),
        (True, 1.0, False),
        ("Mono8", "Mono8", True),
        ("Mono8", "mono8", False),
        ("256", 256, False),
        (256, None, False),
        (1.0, float("nan"), False),
    ],
)
def test_a_value_is_kept_exactly_or_within_a_hundredth_where_it_is_a_float(
    wanted: FeatureValue, got: FeatureValue | None, same: bool
) -> None:
    assert is_same(wanted, got) is same


def test_what_a_plan_writes_itself_keeps_its_place_in_the_plan() -> None:
    plan = GenicamPlan("cam0", FrameShape(100, 200, 1), "viky", features={"BinningHorizontal": 2, "Width": 200})

    assert base_features(plan) == {"AcquisitionMode": "Continuous", "PixelFormat": "Mono8", "Height": 100}
