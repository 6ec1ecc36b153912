"""Runs on the producer in the genicam wheel: each is called in a process of its own."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

from camera_rules import next_arrival
from rigs import SHAPE, make_viky

from edge_inspector.acquire.look import list_cameras, read_features, snap
from edge_inspector.acquire.open import open_camera
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.core.errors import CameraError
from edge_inspector.core.features import FeatureValue
from edge_inspector.core.frame import ArrivalKind, FrameShape


def refusal(changes: dict[str, FeatureValue], features: dict[str, FeatureValue]) -> list[str]:
    """How a plan that differs from a good one is refused: name of the error, message."""
    try:
        with open_camera(replace(make_viky(**features), **changes)):  # type: ignore[arg-type]
            return ["opened", ""]
    except CameraError as error:
        return [type(error).__name__, str(error)]


def refused_then_opened() -> str:
    """Whether a refused camera lets go of the producer, so that the next try in this process works."""
    for serial in ("9", "1"):
        answer = refusal({"serial": serial}, {})
    return answer[0]


def colour_of(serial: str) -> list[int]:
    """The colour farthest from white in a picture: the ball's."""
    pixels = snap(replace(make_viky(serial), frame=FrameShape(120, 160, 3)))
    ball = pixels.reshape(-1, 3)[pixels.reshape(-1, 3).sum(axis=1).argmin()]
    return [int(value) for value in ball]


def grey_snap() -> list[int]:
    """Shape of a grey picture."""
    return list(snap(replace(make_viky(), pixel_format="Mono8", frame=FrameShape(120, 160, 1))).shape)


def listing() -> list[list[str]]:
    """Serial, id and access of every camera, asked twice: the first time must have let go."""
    list_cameras("viky")
    return [[info.serial, info.id, info.access] for info in list_cameras("viky")]


def interrupted() -> str:
    """Whether Ctrl-C still reaches this process's own handler while a camera is open."""
    with open_camera(make_viky()) as camera:
        next_arrival(camera)
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5.0)
        except KeyboardInterrupt:
            return "interrupted"
    return "swallowed"


def acquire(serial: str, n: int, fps: float) -> dict[str, object]:
    """Take n arrivals of one camera: frame ids, kinds, and from when to when."""
    plan = GenicamPlan("cam0", SHAPE, "viky", serial, "RGBa8", {"AcquisitionFrameRate": fps})
    with open_camera(plan) as camera:
        arrivals = [next_arrival(camera) for _ in range(n)]
    return {
        "ids": [arrival.frame_id for arrival in arrivals],
        "n_frames": sum(arrival.kind is ArrivalKind.FRAME for arrival in arrivals),
        "from_ns": arrivals[0].trigger_ns,
        "to_ns": arrivals[-1].trigger_ns,
    }


def copied_features(changes: dict[str, FeatureValue]) -> list[list[str]]:
    """What differs between a camera's settings, changed, and another camera: before and after they are written to it.

    A viky camera forgets its settings when it is closed, so those of the first are changed in its report.
    """
    from edge_inspector.acquire.session import connected
    from edge_inspector.acquire.write import differences, write_features

    wanted = read_features("viky", "0").features | changes
    before = [one.feature for one in read_features("viky", "1", wanted).differences]
    with connected("viky", "1") as (node_map, _):
        write_features(node_map, wanted, "cam1")
        after = [str(one.step) for one in differences(node_map, wanted)]
    return [sorted(before), after]
