"""Everything that is written to a camera before it is armed, in its order."""

from __future__ import annotations

from typing import Any

from edge_inspector.acquire.nodes import allowed_tail, find, for_camera, is_same, read
from edge_inspector.acquire.pixels import PixelFormat
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.acquire.write import check_kept, try_write, write_features
from edge_inspector.core.errors import CameraFormatError
from edge_inspector.core.features import FeatureValue
from edge_inspector.core.logs import get_log

log = get_log(__name__)

HEARTBEAT_MS = 2000
"""A GigE camera lets go of a computer that it has not heard of for so long. Cameras come with 3000 and more: a line
whose camera process was killed waits for it. Below 1000 a busy computer loses a healthy camera."""


def configure(node_map: Any, plan: GenicamPlan, pixel_format: PixelFormat, is_gige: bool) -> None:
    """Bring a camera to what the plan says: user set, heartbeat, base features, preset, features; then compare all.

    Raises:
        CameraFormatError: It does not keep something.
        genicam.gentl.GenericException: It does not answer.
    """
    who = plan.name
    if plan.user_set:
        write_features(node_map, {"UserSetSelector": {plan.user_set: {"UserSetLoad": True}}}, who)
    if is_gige:
        set_heartbeat(node_map, plan.heartbeat_timeout_ms, who)
    for features in (base_features(plan), plan.preset_features, plan.features):
        write_features(node_map, features, who)
    for features in (plan.preset_features, plan.features):
        check_kept(node_map, features, who)
    check_format(node_map, plan, pixel_format)


def base_features(plan: GenicamPlan) -> dict[str, FeatureValue]:
    """Return what is written before the plan's own features: the size, the format, endless acquisition.

    A feature that the plan names itself is left to the plan, so that an order such as binning, then Width, can be
    had. The frame and the format are compared after everything was written, whoever wrote them.
    """
    base: dict[str, FeatureValue] = {
        "AcquisitionMode": "Continuous",
        "PixelFormat": plan.pixel_format,
        "Width": plan.frame.width,
        "Height": plan.frame.height,
    }
    return {name: value for name, value in base.items() if name not in plan.features}


def set_heartbeat(node_map: Any, wanted_ms: int | None, who: str) -> None:
    """Set after how long a GigE camera lets go of a computer that is silent.

    Args:
        node_map: The remote device's node map.
        wanted_ms: Kept exactly; None for HEARTBEAT_MS or the nearest that the camera can.
        who: Name of the camera, for the error.

    Raises:
        CameraFormatError: It does not keep the value that was asked for.
    """
    name = "DeviceLinkHeartbeatTimeout"
    found = find(node_map, name)
    if found is None:
        log.info("heartbeat_timeout_unknown", camera=who, why="the camera has no such feature")
        if wanted_ms is not None:
            raise CameraFormatError(
                f"camera {who} has no heartbeat timeout to set; leave camera.heartbeat_timeout_ms out"
            )
        return
    if wanted_ms is not None:
        write_features(node_map, {name: wanted_ms * 1000}, who)
    else:
        node = found.node
        value = for_camera(found, HEARTBEAT_MS * 1000)
        value = min(max(value, node.min), node.max)
        if try_write(node, value) is not None or not is_same(value, read(node)):
            log.warning("heartbeat_timeout_not_set", camera=who, wanted_ms=HEARTBEAT_MS, allowed=allowed_tail(node))
    log.info("heartbeat_timeout", camera=who, feature=found.name, value=read(found.node))


def check_format(node_map: Any, plan: GenicamPlan, pixel_format: PixelFormat) -> None:
    """Compare what the camera will send with the plan.

    Raises:
        CameraFormatError: Its size or pixel format is another one.
    """
    wanted: dict[str, FeatureValue] = {
        "Width": plan.frame.width,
        "Height": plan.frame.height,
        "PixelFormat": pixel_format.name,
    }
    for name, value in wanted.items():
        found = find(node_map, name)
        if found is None:
            continue  # then only the buffers can say, and each of them is compared
        if (got := read(found.node)) != for_camera(found, value):
            raise CameraFormatError(
                f"camera {plan.name} sends {name} {got!r}, the configuration says {value!r}{allowed_tail(found.node)}; "
                "make camera.frame, camera.pixel_format and camera.features agree"
            )
