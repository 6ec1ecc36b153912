"""Everything that is written before a camera is armed, on real GenApi node maps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.node_map import area_camera, choice, integer, node_map, number

from edge_inspector.acquire.configure import base_features, check_format, configure, set_heartbeat
from edge_inspector.acquire.pixels import find_format
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.acquire.software_trigger import SoftwareTrigger
from edge_inspector.core.errors import CameraFormatError
from edge_inspector.core.frame import FrameShape

PLAN = GenicamPlan("cam0", FrameShape(height=1000, width=1600, channels=1), "maker.cti", features={"ExposureTime": 300})
MONO8 = find_format("Mono8", 1)


def test_what_a_plan_writes_itself_keeps_its_place_in_the_plan() -> None:
    plan = GenicamPlan("cam0", FrameShape(100, 200, 1), "viky", features={"BinningHorizontal": 2, "Width": 200})

    assert base_features(plan) == {"AcquisitionMode": "Continuous", "PixelFormat": "Mono8", "Height": 100}


def test_a_camera_is_brought_to_what_the_plan_says() -> None:
    camera = area_camera()

    configure(camera, PLAN, MONO8, is_gige=False)

    got = [camera.get_node(name).value for name in ("AcquisitionMode", "Width", "Height", "ExposureTime")]
    assert got == ["Continuous", 1600, 1000, 300.0]


def test_features_are_written_after_the_preset_and_win() -> None:
    camera = area_camera()
    preset = {"ExposureTime": 20.0, "AcquisitionFrameRate": 10}

    configure(camera, replace(PLAN, preset_features={"AcquisitionFrameRate": 10}), MONO8, is_gige=False)

    assert (camera.get_node("ExposureTime").value, camera.get_node("AcquisitionFrameRate").value) == (300.0, 10.0)
    with pytest.raises(CameraFormatError, match=r"ExposureTime = 20\.0 at first"):  # the settings leave it out
        configure(camera, replace(PLAN, preset_features=preset), MONO8, is_gige=False)


def test_a_user_set_is_loaded_before_anything_is_written() -> None:
    camera = area_camera()

    configure(camera, replace(PLAN, user_set="UserSet1"), MONO8, is_gige=False)

    assert camera.get_node("UserSetLoadDone").value == 1


def test_a_user_set_that_the_camera_does_not_keep_is_told_with_those_it_has() -> None:
    with pytest.raises(CameraFormatError, match=r"UserSetSelector = 'UserSet9'.*allowed: Default, UserSet1"):
        configure(area_camera(), replace(PLAN, user_set="UserSet9"), MONO8, is_gige=False)


@pytest.mark.parametrize(
    ("node", "name", "wanted_ms", "set_to"),
    [
        (number("DeviceLinkHeartbeatTimeout", 3e6, 1e5, 1e8), "DeviceLinkHeartbeatTimeout", 1500, 1.5e6),
        (integer("GevHeartbeatTimeout", 3000, 500, 60000), "GevHeartbeatTimeout", 1500, 1500),
        (integer("GevHeartbeatTimeout", 3000, 500, 60000), "GevHeartbeatTimeout", None, 2000),
        (integer("GevHeartbeatTimeout", 5000, 5000, 60000), "GevHeartbeatTimeout", None, 5000),
        (integer("GevHeartbeatTimeout", 700, 500, 1000), "GevHeartbeatTimeout", None, 1000),
    ],
)
def test_the_heartbeat_timeout_is_set_in_the_cameras_own_unit(
    node: str, name: str, wanted_ms: int | None, set_to: float
) -> None:
    camera = node_map(node)

    set_heartbeat(camera, wanted_ms, "cam0")

    assert camera.get_node(name).value == set_to


def test_a_heartbeat_timeout_that_was_asked_for_is_kept_or_refused_with_the_range() -> None:
    with pytest.raises(CameraFormatError, match=r"DeviceLinkHeartbeatTimeout.*|GevHeartbeatTimeout.*5000 to 60000"):
        set_heartbeat(node_map(integer("GevHeartbeatTimeout", 5000, 5000, 60000)), 1500, "cam0")
    with pytest.raises(CameraFormatError, match=r"no heartbeat timeout to set; leave camera\.heartbeat_timeout_ms out"):
        set_heartbeat(node_map(integer("Width", 64)), 1500, "cam0")


def test_a_camera_without_a_heartbeat_timeout_needs_none(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        set_heartbeat(node_map(integer("Width", 64)), None, "cam0")

    assert "heartbeat_timeout_unknown" in caplog.text


def test_only_gige_cameras_get_a_heartbeat_timeout() -> None:
    nodes = (integer("GevHeartbeatTimeout", 3000, 500, 60000), choice("AcquisitionMode", "Continuous"))
    frame = (integer("Width", 1600), integer("Height", 1000), choice("PixelFormat", "Mono8"))
    plan = replace(PLAN, features={})
    other, gige = node_map(*nodes, *frame), node_map(*nodes, *frame)

    configure(other, plan, MONO8, is_gige=False)
    configure(gige, plan, MONO8, is_gige=True)

    assert [camera.get_node("GevHeartbeatTimeout").value for camera in (other, gige)] == [3000, 2000]


def test_a_format_under_its_older_name_is_the_configured_one() -> None:
    plan = GenicamPlan("cam0", FrameShape(64, 64, 3), "maker.cti", pixel_format="RGB8")

    check_format(node_map(choice("PixelFormat", "RGB8Packed")), plan, find_format("RGB8", 3))


def test_software_triggers_come_at_their_rate_and_none_is_made_up_for() -> None:
    camera, now = area_camera(), [0]
    camera.get_node("TriggerSelector").value = "FrameBurstStart"
    trigger = SoftwareTrigger(camera, 10.0, "cam0", lambda: now[0])
    asked: list[int] = []

    for now[0] in range(0, 1_000_000_000, 30_000_000):
        camera.get_node("TriggerSoftwareDone").value = 0
        trigger.ask_if_due()
        asked += [now[0] // 1_000_000] * camera.get_node("TriggerSoftwareDone").value
    now[0] += 5_000_000_000
    trigger.ask_if_due()
    camera.get_node("TriggerSoftwareDone").value = 0
    trigger.ask_if_due()

    assert asked == [0, 120, 210, 300, 420, 510, 600, 720, 810, 900]
    assert camera.get_node("TriggerSoftwareDone").value == 0
    assert trigger.wait_s() == 0.1
    assert camera.get_node("TriggerSelector").value == "FrameStart"


def test_a_camera_without_a_software_trigger_is_refused() -> None:
    with pytest.raises(CameraFormatError, match=r"no software trigger; choose another camera\.preset"):
        SoftwareTrigger(node_map(integer("Width", 64)), 1.0, "cam0")
