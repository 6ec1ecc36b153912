"""Writing features, on real GenApi node maps."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.node_map import area_camera, choice, command, integer, node_map, number, rounding, selector, switch

from edge_inspector.acquire import write
from edge_inspector.acquire.write import check_kept, write_features
from edge_inspector.core.errors import CameraFormatError
from edge_inspector.core.features import Features


def at(camera: Any, entry: str, feature: str) -> object:
    camera.get_node("TriggerSelector").value = entry
    return camera.get_node(feature).value


def refusal(camera: Any, features: Features) -> str:
    with pytest.raises(CameraFormatError) as caught:
        write_features(camera, features, "cam0")
    return str(caught.value)


def test_a_block_is_written_below_its_entry_of_the_selector() -> None:
    camera = area_camera()
    on = {"TriggerSource": "Line0", "TriggerMode": "On"}

    write_features(camera, {"TriggerSelector": {"FrameBurstStart": {"TriggerMode": "Off"}, "FrameStart": on}}, "cam0")

    assert (at(camera, "FrameStart", "TriggerMode"), at(camera, "FrameStart", "TriggerSource")) == ("On", "Line0")
    assert (at(camera, "FrameBurstStart", "TriggerMode"), at(camera, "FrameBurstStart", "TriggerSource")) == (
        "Off",
        "Software",
    )


def test_a_selector_within_a_selector_selects_both() -> None:
    inner = selector("InnerSelector", ("A", "B"), Mode=("Off", "On"))
    camera = node_map(selector("OuterSelector", ("X", "Y")), inner)

    write_features(camera, {"OuterSelector": {"Y": {"InnerSelector": {"B": {"Mode": "On"}}}}}, "cam0")

    assert [camera.get_node(name).value for name in ("OuterSelector", "InnerSelector", "Mode")] == ["X", "A", "Off"]
    camera.get_node("InnerSelector").value = "B"
    assert camera.get_node("Mode").value == "On"


def test_a_selector_that_counts_takes_the_number_of_its_entry() -> None:
    cells = "".join(f'<pValueIndexed Index="{n}">Cell{n}</pValueIndexed>' for n in range(2))
    table = f'<Integer Name="LUTValue"><pIndex>LUTIndex</pIndex>{cells}<pValueDefault>Cell0</pValueDefault></Integer>'
    camera = node_map(integer("LUTIndex", 0, 0, 1), table, integer("Cell0", 0), integer("Cell1", 0))

    write_features(camera, {"LUTIndex": {"1": {"LUTValue": 7}}}, "cam0")

    assert [camera.get_node(name).value for name in ("Cell0", "Cell1", "LUTIndex")] == [0, 7, 0]


def test_features_are_written_in_their_order() -> None:
    camera = node_map(integer("First", 0), integer("Second", 0, extra="<pIsLocked>First</pIsLocked>"))

    write_features(camera, {"Second": 5, "First": 1}, "cam0")

    assert "locked now" in refusal(camera, {"Second": 6})


def test_an_older_name_is_written_and_said(caplog: pytest.LogCaptureFixture) -> None:
    camera = node_map(number("ExposureTimeAbs", 100, 1, 1000))

    with caplog.at_level("INFO"):
        write_features(camera, {"ExposureTime": 500}, "cam0")

    assert camera.get_node("ExposureTimeAbs").value == 500.0
    assert "older_name_used" in caplog.text


OFF = {"TriggerMode": "Off"}
ONE_TRIGGER = selector("TriggerSelector", ("FrameStart",), TriggerMode=("Off", "On"))
LOCKED = integer("Lock", 1) + number("Gain", 1, 0, 10, extra="<pIsLocked>Lock</pIsLocked>")
HIDDEN = integer("There", 0) + number("Gain", 1, 0, 10, extra="<pIsAvailable>There</pIsAvailable>")
FIXED = '<Float Name="Gain"><ImposedAccessMode>RO</ImposedAccessMode><Value>1</Value></Float>'


@pytest.mark.parametrize(
    ("nodes", "features", "said"),
    [
        (
            integer("Width", 64, 16, 1600, 16),
            {"Width": 1616},
            ["Width = 1616", "it has 64", "to 1600 in steps of 16", "camera.frame.width"],
        ),
        (integer("Width", 64, 16, 1600, 16), {"Width": 65}, ["Width = 65", "16 to 1600 in steps of 16"]),
        (integer("Width", 64), {"Width": "wide"}, ["cannot convert string"]),
        (
            number("Gain", 1, 0, 10, unit="dB"),
            {"Gain": 11},
            ["Gain = 11.0", "it has 1.0", "allowed: 0 to 10 dB", "camera.features"],
        ),
        (rounding("Gain", 10), {"Gain": 47.0}, ["made 40.0 of Gain = 47.0", "write a value that it keeps"]),
        (choice("ExposureAuto", "Off", "Once"), {"ExposureAuto": "Never"}, ["allowed: Off, Once"]),
        (choice("ExposureAuto", "Off", "On"), {"ExposureAuto": False}, ["it takes words; write Off"]),
        (choice("BinningMode", "Sum"), {"BinningMode": 2}, ['it takes words; write "2", in quotes']),
        (switch("ReverseX"), {"ReverseX": "On"}, ["it is a switch; write true"]),
        (switch("ReverseX"), {"ReverseX": "Off"}, ["it is a switch; write false"]),
        (command("UserSetLoad"), {"UserSetLoad": 1}, ["UserSetLoad = 1 (it is a command; write true", "); change"]),
        (LOCKED, {"Gain": 2.0}, ["it is locked now", "it has 1.0"]),
        (HIDDEN, {"Gain": 2.0}, ["it is not available now, which other features decide"]),
        (FIXED, {"Gain": 2.0}, ["it can only be read", "it has 1.0"]),
        (number("Gain", 1, 0, 10), {"Gian": 2.0}, ["no feature 'Gian', did you mean Gain?", "manual"]),
        (integer("GainRaw", 1), {"Gain": 2.0}, ["no feature 'Gain', but GainRaw"]),
        (
            ONE_TRIGGER,
            {"TriggerSelector": {"LineStart": {"TriggerMode": "On"}}},
            ["TriggerSelector = 'LineStart'", "allowed: FrameStart"],
        ),
        (
            ONE_TRIGGER,
            {"TriggerSelector": {"FrameStart": {"TriggerMode": "Yes"}}},
            ["TriggerMode (TriggerSelector=FrameStart) = 'Yes'", "allowed: Off, On"],
        ),
    ],
)
def test_what_the_camera_does_not_keep_is_refused_with_why_and_what_is_allowed(
    nodes: str, features: Features, said: list[str]
) -> None:
    message = refusal(node_map(nodes), features)

    assert [part for part in said if part not in message] == [], message


def test_a_value_that_the_camera_has_already_may_be_locked() -> None:
    write_features(node_map(LOCKED), {"Gain": 1.0}, "cam0")


def test_a_command_is_executed_when_its_value_is_true() -> None:
    camera = node_map(command("UserSetLoad"))

    write_features(camera, {"UserSetLoad": False}, "cam0")
    before = camera.get_node("UserSetLoadDone").value
    write_features(camera, {"UserSetLoad": True}, "cam0")

    assert (before, camera.get_node("UserSetLoadDone").value) == (0, 1)


def test_a_command_that_is_never_done_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(write, "COMMAND_S", 0.02)

    write_features(node_map(command("UserSetLoad", done=False)), {"UserSetLoad": True}, "cam0")

    assert "command_not_confirmed" in caplog.text


@pytest.mark.parametrize(
    ("nodes", "features"),
    [
        (integer("Width", 64), {"TriggerMode": "Off"}),
        (integer("Width", 64), {"ExposureAuto": "Off", "AcquisitionFrameRateEnable": True}),
        (integer("Width", 64), {"TriggerSelector": {"FrameStart": OFF, "LineStart": OFF}}),
        (ONE_TRIGGER, {"TriggerSelector": {"LineStart": OFF}}),
    ],
)
def test_what_a_camera_does_not_have_is_off_already(nodes: str, features: Features) -> None:
    write_features(node_map(nodes), features, "cam0")


@pytest.mark.parametrize(
    "features", [{"TriggerMode": "On"}, {"TriggerSelector": {"FrameStart": {"TriggerMode": "On"}}}]
)
def test_what_a_camera_does_not_have_cannot_be_switched_on(features: Features) -> None:
    assert "has no feature 'Trigger" in refusal(node_map(integer("Width", 64)), features)


def test_a_later_feature_that_changes_an_earlier_one_is_told() -> None:
    shared = integer("Raw", 8)
    both = [f'<Integer Name="{name}"><pValue>Raw</pValue></Integer>' for name in ("Width", "Other")]
    camera = node_map(*both, shared)
    features = {"Width": 100, "Other": 50}
    write_features(camera, features, "cam0")

    with pytest.raises(
        CameraFormatError, match=r"kept Width = 100 at first and has 50 now: a feature written after it"
    ):
        check_kept(camera, features, "cam0")


def test_what_was_kept_is_compared_below_its_selector() -> None:
    camera = area_camera()
    features = {"TriggerSelector": {"FrameStart": {"TriggerMode": "On"}, "FrameBurstStart": {"TriggerMode": "Off"}}}
    write_features(camera, features, "cam0")

    check_kept(camera, features, "cam0")
    camera.get_node("TriggerSelector").value = "FrameStart"
    camera.get_node("TriggerMode").value = "Off"

    with pytest.raises(CameraFormatError, match=r"TriggerMode \(TriggerSelector=FrameStart\) = 'On' at first"):
        check_kept(camera, features, "cam0")
