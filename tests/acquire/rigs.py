"""One way to make each kind of camera, for the suite that all kinds pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from fakes.camera import FakeCamera

from edge_inspector.acquire.open import open_camera
from edge_inspector.acquire.plan import CameraPlan, GenicamPlan, ReplayPlan, SyntheticPlan
from edge_inspector.core.frame import ArrivalKind, FrameShape
from edge_inspector.core.ports import Camera

SHAPE = FrameShape(height=120, width=160, channels=3)
OTHER_SHAPE = FrameShape(height=128, width=160, channels=3)
KINDS = ("fake", "replay", "synthetic", "genicam")
FAST_HZ, SLOW_HZ = 100.0, 0.02
VIKY_SLOW_HZ = 1.0  # the slowest it can


def make_camera(kind: str, folder: Path, *, is_slow: bool = False, transport_ms: float = 0.0) -> Camera:
    """Return a camera that delivers 20 pictures or more; a slow one has a long silence after its first."""
    if kind == "fake":
        silence = (None,) if is_slow else ()
        script = (ArrivalKind.FRAME, *silence, *silence, *[ArrivalKind.FRAME] * 20)
        return FakeCamera(SHAPE, script, transport_ms)
    return open_camera(replace(make_plan(kind, folder, is_slow=is_slow), transport_ms=transport_ms))


def make_plan(kind: str, folder: Path, *, is_slow: bool = False) -> CameraPlan:
    """Return the plan of a camera that is there."""
    rate_hz = SLOW_HZ if is_slow else FAST_HZ
    if kind == "replay":
        write_pictures(folder, 4, SHAPE)
        return ReplayPlan("cam0", SHAPE, folder, rate_hz=rate_hz, loop=True)
    if kind == "synthetic":
        return SyntheticPlan("cam0", SHAPE, rate_hz=rate_hz)
    return make_viky(AcquisitionFrameRate=VIKY_SLOW_HZ if is_slow else FAST_HZ)


def make_viky(serial: str = "1", **features: float | int | str | bool) -> GenicamPlan:
    """Return the plan of one of viky's cameras: 0 has a red ball, 1 a green, 2 a blue one."""
    return GenicamPlan("cam0", SHAPE, "viky", serial, "RGBa8", features, buffers=8)


def make_missing(kind: str, folder: Path) -> Camera:
    """Return a camera that is not there."""
    if kind == "replay":
        return open_camera(ReplayPlan("cam0", SHAPE, folder / "missing"))
    return open_camera(replace(make_viky(), cti=str(folder / "missing.cti")))


def make_other_size(kind: str, folder: Path) -> Camera:
    """Return a camera whose pictures have another size than its plan says."""
    if kind == "replay":
        write_pictures(folder, 2, OTHER_SHAPE)
        return open_camera(ReplayPlan("cam0", SHAPE, folder))
    return open_camera(make_viky(Height=OTHER_SHAPE.height))


def write_pictures(folder: Path, n: int, shape: FrameShape, suffix: str = ".png") -> None:
    """Write pictures of random content that is the same each time."""
    random = np.random.default_rng(1)
    for k in range(n):
        pixels = random.integers(0, 256, shape.hwc, np.uint8)
        assert cv2.imwrite(str(folder / f"{k:03d}{suffix}"), pixels)
