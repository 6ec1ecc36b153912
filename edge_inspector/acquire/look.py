"""What a person asks of a camera before a line runs: which are there, and what does it see."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_inspector.acquire.open import load_genicam, open_camera
from edge_inspector.acquire.plan import CameraPlan
from edge_inspector.core.errors import CameraLostError
from edge_inspector.core.features import Features, FeatureValue
from edge_inspector.core.frame import U8, ArrivalKind
from edge_inspector.core.ports import Camera, SourceEnded

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


@dataclass(frozen=True, slots=True)
class FeatureDifference:
    """A feature that a camera has otherwise than a file says."""

    feature: str
    """Its name, with what is selected."""
    file: FeatureValue
    camera: FeatureValue | None
    """None when the camera has no such feature, or none that can be read now."""
    allowed: str
    """What it may be; empty when that is not known."""

    def __str__(self) -> str:
        """Return it as a sentence."""
        has = "nothing of that name" if self.camera is None else f"{self.camera}"
        tail = f" (allowed: {self.allowed})" if self.allowed else ""
        return f"{self.feature}: the file says {self.file}, the camera has {has}{tail}"


@dataclass(frozen=True, slots=True)
class FeatureReport:
    """The settings of one camera."""

    camera: str
    """Vendor, model and serial number."""
    features: dict[str, Any]
    """What is set and could be written again; see `core.features`."""
    text: str
    """The same as YAML with comments, for `features:` of a configuration."""
    differences: tuple[FeatureDifference, ...]
    """What is otherwise than in the file it was compared with; empty also when there was none."""


def read_features(cti: str, serial: str, compare_with: Features | None = None) -> FeatureReport:
    """Return what a camera has set; it is connected, and nothing is written to it but its selectors.

    Args:
        cti: Path of the .cti file, or `viky`.
        serial: Its serial number; empty when the producer offers exactly one camera.
        compare_with: Features that it should have; None to compare nothing.

    Raises:
        CameraNotFoundError: No such producer or camera, it is in use, or it stopped answering.
    """
    load_genicam()
    from edge_inspector.acquire.feature_text import feature_yaml
    from edge_inspector.acquire.inventory import as_tree, take_inventory
    from edge_inspector.acquire.session import connected
    from edge_inspector.acquire.write import differences

    with connected(cti, serial) as (node_map, info):
        settings = take_inventory(node_map)
        found = tuple(
            FeatureDifference(str(one.step), one.step.value, one.got, one.allowed)
            for one in differences(node_map, compare_with or {})
        )
    about = f"{info.vendor} {info.model}, serial {info.serial or '(none)'}".strip()
    return FeatureReport(about, as_tree(settings), feature_yaml(settings, about), found)


def snap(plan: CameraPlan, timeout_s: float = 10.0) -> U8:
    """Return the first whole picture of a camera: shape (h, w, c), RGB or grey, owned by the caller.

    Raises:
        CameraNotFoundError, CameraFormatError: As when a line starts.
        CameraLostError: No whole picture came in time; the message counts what came instead.
    """
    with closing(snaps(plan, 1, timeout_s)) as pictures:
        return next(pictures).copy()


def snaps(plan: CameraPlan, n: int, timeout_s: float = 10.0) -> Generator[U8]:
    """Yield the first whole pictures of a camera, each of shape (h, w, c), RGB or grey, valid until the next.

    Args:
        plan: Opened at the first picture, closed with the generator.
        n: Pictures; fewer, but at least one, when a finite source has played everything.
        timeout_s: Time to wait for each picture.

    Raises:
        CameraNotFoundError, CameraFormatError: As when a line starts.
        CameraLostError: No whole picture came in time; the message counts what came instead.
    """
    with open_camera(plan) as camera:
        for taken in range(n):
            pixels, broken = _next_whole(camera, timeout_s)
            if pixels is None and taken and broken is None:
                return
            if pixels is None:
                raise _nothing_came(plan.name, timeout_s, broken or {})
            yield pixels


def _next_whole(camera: Camera, timeout_s: float) -> tuple[U8 | None, dict[str, int] | None]:
    """Return the next whole picture, if any, and what came instead; None for that at the end of a finite source."""
    broken: dict[str, int] = {}
    until = time.monotonic() + timeout_s
    while (left_s := until - time.monotonic()) > 0:
        try:
            arrival = camera.fetch(min(left_s, 0.2))
        except SourceEnded:
            return None, broken or None
        if arrival is None:
            continue
        if arrival.kind is ArrivalKind.FRAME and arrival.pixels is not None:
            return arrival.pixels, broken
        broken[arrival.kind.name.lower()] = broken.get(arrival.kind.name.lower(), 0) + 1
    return None, broken


def _nothing_came(name: str, timeout_s: float, broken: dict[str, int]) -> CameraLostError:
    came = ", ".join(f"{n} {kind}" for kind, n in broken.items()) or "nothing"
    return CameraLostError(
        f"camera {name} gave no whole picture in {timeout_s:g} s ({came} came); check its trigger, exposure and cable"
    )
