from __future__ import annotations

import pytest
from fakes.node_map import choice, integer, node_map, number

from edge_inspector.acquire.nodes import find, for_camera, is_same, missing
from edge_inspector.core.features import FeatureValue


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


def test_todays_name_is_found_under_its_older_one_where_the_camera_knows_only_that() -> None:
    old = node_map(number("ExposureTimeAbs", 100, 1, 1000))
    both = node_map(number("ExposureTimeAbs", 100, 1, 1000), number("ExposureTime", 100, 1, 1000))

    assert [found.name if (found := find(camera, "ExposureTime")) else None for camera in (old, both)] == [
        "ExposureTimeAbs",
        "ExposureTime",
    ]
    assert find(old, "Gain") is None


def test_a_feature_that_is_described_and_not_implemented_is_not_there() -> None:
    camera = node_map(number("Gain", 1, 0, 10, extra="<pIsImplemented>HasGain</pIsImplemented>"), integer("HasGain", 0))

    assert find(camera, "Gain") is None


def test_an_older_feature_of_another_unit_gets_its_own_number() -> None:
    camera = node_map(integer("GevHeartbeatTimeout", 3000, 500, 60000))
    found = find(camera, "DeviceLinkHeartbeatTimeout")

    assert found is not None
    assert for_camera(found, 2_000_000) == 2000


@pytest.mark.parametrize(
    ("words", "sent"), [(("Mono8", "RGB8Packed"), "RGB8Packed"), (("RGB8Packed", "RGB8"), "RGB8"), (("Mono8",), "RGB8")]
)
def test_an_entry_is_called_as_the_camera_calls_it(words: tuple[str, ...], sent: str) -> None:
    camera = node_map(choice("PixelFormat", *words))  # held: its nodes die with it
    found = find(camera, "PixelFormat")

    assert found is not None
    assert for_camera(found, "RGB8") == sent


def test_a_raw_feature_is_named_and_never_written_in_place_of_one_with_a_unit() -> None:
    camera = node_map(integer("GainRaw", 100, 0, 500))

    assert find(camera, "Gain") is None
    assert "GainRaw, which counts in steps of its own" in missing(camera, "Gain")
