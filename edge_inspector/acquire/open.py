"""From a plan to a camera. GenICam is loaded only when a plan asks for it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

from edge_inspector.acquire.plan import CameraPlan, GenicamPlan, ReplayPlan
from edge_inspector.acquire.replay import ReplayCamera
from edge_inspector.acquire.strips import OverlappingCamera
from edge_inspector.acquire.synthetic import SyntheticCamera
from edge_inspector.core.errors import CameraNotFoundError
from edge_inspector.core.ports import Camera


def open_camera(plan: CameraPlan) -> Camera:
    """Return the camera that a plan describes, not yet connected: `with camera:` does that.

    Raises:
        CameraNotFoundError: The plan asks for GenICam and its library cannot be loaded in this process.
    """
    camera = _of_kind(plan)
    return OverlappingCamera(camera, plan.frame, plan.repeat_lines) if plan.repeat_lines else camera


def _of_kind(plan: CameraPlan) -> Camera:
    if isinstance(plan, GenicamPlan):
        return load_genicam()(plan)
    if isinstance(plan, ReplayPlan):
        return ReplayCamera(plan)
    return SyntheticCamera(plan)


def load_genicam() -> Callable[[GenicamPlan], Camera]:
    """Import what opens GenICam cameras, which brings Harvesters and its C++ libraries into the process.

    Raises:
        CameraNotFoundError: It cannot be loaded; the message names the package that is missing.
    """
    try:
        # Harvesters changes the warning filters of the whole process when it is imported.
        with warnings.catch_warnings():
            from edge_inspector.acquire.genicam import GenicamCamera
    except ImportError as error:
        raise explain_import(error) from error
    return GenicamCamera


def explain_import(error: ImportError) -> CameraNotFoundError:
    """Return what a failed import of GenICam means to a person, with the next step."""
    if "libpython" in str(error):
        # The wheel is linked against libpythonX.Y.so; a distribution's python3 is often built without it.
        package = f"libpython{sys.version_info.major}.{sys.version_info.minor}"
        return CameraNotFoundError(
            f"GenICam cannot be loaded, the shared library of Python is missing ({error}); "
            f"run `sudo apt-get install {package}`, or use a Python that was built with --enable-shared"
        )
    return CameraNotFoundError(
        f"GenICam cannot be loaded ({error}); install it again with `pip install harvesters==1.4.3 'genicam~=1.6.0'`"
    )
