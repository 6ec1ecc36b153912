"""Runs of the project's own camera on simulated cameras: each in a process of its own."""

from __future__ import annotations

from typing import Any

from sim_consumer import controls, stamp_of

from edge_inspector.acquire.open import open_camera
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.core.errors import CameraError
from edge_inspector.core.features import FeatureValue
from edge_inspector.core.frame import Arrival, FrameShape
from edge_inspector.simulator.faults import Fault

TRIGGERED: dict[str, FeatureValue] = {"TriggerSelector": "FrameStart", "TriggerMode": "On", "TriggerSource": "Line0"}


def make_plan(cti: str, **changes: Any) -> GenicamPlan:
    """A triggered grey camera."""
    values: dict[str, Any] = {"features": TRIGGERED, "triggered": True, "serial": "SIM0001"}
    return GenicamPlan("cam0", FrameShape(8, 32, 1), cti, **(values | changes))


def arrivals(cti: str, fault: str, n_parts: int) -> list[list[object]]:
    """Kind, frame id and part number in the pixels of each arrival of n parts, of which the third has a fault."""
    line = controls()
    found = []
    with open_camera(make_plan(cti)) as camera:
        for part in range(1, n_parts + 1):
            if part == 3 and fault:
                line.camera.fail(Fault[fault], once=1)
            line.conveyor.fire()
            line.camera.settle()
            while (arrival := camera.fetch(0.05)) is not None:
                found.append(_seen(arrival))
    return found


def _seen(arrival: Arrival) -> list[object]:
    part = None if arrival.pixels is None else stamp_of(arrival.pixels.tobytes())[0]
    return [arrival.kind.name, arrival.frame_id, part]


def loss(cti: str) -> str:
    """The error that a camera ends with that loses its power."""
    line = controls()
    try:
        with open_camera(make_plan(cti)) as camera:
            line.conveyor.fire()
            assert camera.fetch(5.0) is not None
            line.camera.lose()
            for _ in range(100):
                camera.fetch(0.1)
    except CameraError as error:
        return type(error).__name__
    return "nothing"


def refusal(cti: str, changes: dict[str, Any]) -> str:
    """How a plan that does not fit is refused."""
    try:
        with open_camera(make_plan(cti, **changes)):
            return "opened"
    except CameraError as error:
        return str(error)
