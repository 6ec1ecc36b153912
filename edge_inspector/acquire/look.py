"""What a person asks of a camera before a line runs: which are there, and what does it see."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge_inspector.acquire.open import load_genicam, open_camera
from edge_inspector.acquire.plan import CameraPlan
from edge_inspector.core.errors import CameraLostError
from edge_inspector.core.frame import U8, ArrivalKind
from edge_inspector.core.ports import SourceEnded

if TYPE_CHECKING:
    from edge_inspector.acquire.producer import CameraInfo


def list_cameras(cti: str) -> list[CameraInfo]:
    """Return every camera that a producer offers, in its order; none is opened.

    A producer loads once in a process: not to be called while a camera of it is open here.

    Args:
        cti: Path of the .cti file, or `viky`.

    Raises:
        CameraNotFoundError: The file is not there or cannot be loaded.
    """
    load_genicam()
    from edge_inspector.acquire.producer import describe, load_producer, producer_path
    from edge_inspector.acquire.teardown import let_go

    harvester = load_producer(producer_path(cti))
    try:
        return [describe(device) for device in harvester.device_info_list]
    finally:
        let_go(None, harvester)


def snap(plan: CameraPlan, timeout_s: float = 10.0) -> U8:
    """Return the first whole picture of a camera: shape (h, w, c), RGB or grey, owned by the caller.

    Raises:
        CameraNotFoundError, CameraFormatError: As when a line starts.
        CameraLostError: No whole picture came in time; the message counts what came instead.
    """
    broken: dict[str, int] = {}
    until = time.monotonic() + timeout_s
    with open_camera(plan) as camera:
        while (left_s := until - time.monotonic()) > 0:
            try:
                arrival = camera.fetch(min(left_s, 0.2))
            except SourceEnded:
                break
            if arrival is None:
                continue
            if arrival.kind is ArrivalKind.FRAME and arrival.pixels is not None:
                return arrival.pixels.copy()
            broken[arrival.kind.name.lower()] = broken.get(arrival.kind.name.lower(), 0) + 1
    came = ", ".join(f"{n} {kind}" for kind, n in broken.items()) or "nothing"
    raise CameraLostError(
        f"camera {plan.name} gave no whole picture in {timeout_s:g} s ({came} came); "
        "check its trigger, exposure and cable"
    )
