"""Reading and writing the features of a camera, each write read back."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from genicam import genapi

from edge_inspector.acquire.pixels import PixelFormat
from edge_inspector.acquire.plan import FeatureValue, GenicamPlan
from edge_inspector.core.errors import CameraFormatError

FLOAT_TOLERANCE = 0.01
"""Cameras keep times and rates in steps of their own clock (500.0 us becomes 499.8); a refused value is further off."""

_SETTING = {"PixelFormat": "camera.pixel_format", "Width": "camera.frame.width", "Height": "camera.frame.height"}
"""Where a feature is configured; all others under `camera.features`."""

_READ_ERRORS = (genapi.GenericException, AttributeError)  # AttributeError: a command or category has no value


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


def write_features(node_map: Any, features: Mapping[str, FeatureValue], who: str) -> None:
    """Write features in order and compare each with what the camera then says.

    Args:
        node_map: The remote device's node map.
        features: Names and values. A command is executed when its value is true.
        who: Name of the camera, for the error.

    Raises:
        CameraFormatError: A feature is not there, cannot be written, or has another value afterwards.
        genicam.gentl.GenericException: The camera does not answer.
    """
    for name, value in features.items():
        if not node_map.has_node(name):
            raise CameraFormatError(f"camera {who} has no feature {name!r}{_meant(name, node_map)}; check its manual")
        node = node_map.get_node(name)
        refused = _try_write(node, value)
        if hasattr(node, "execute") and refused is None:
            continue  # a command has nothing to read back
        got = read(node)
        if is_same(value, got):
            continue  # also when it may only be read and says so already
        if refused is not None:
            raise CameraFormatError(
                f"camera {who} refuses {name} = {value!r} ({_reason(refused, value)}), it has {got!r}{_allowed(node)}; "
                f"change {_SETTING.get(name, 'camera.features')}"
            ) from refused
        raise CameraFormatError(
            f"camera {who} made {got!r} of {name} = {value!r}{_allowed(node)}; "
            f"write a value that it keeps in {_SETTING.get(name, 'camera.features')}"
        )


def check_format(node_map: Any, plan: GenicamPlan, pixel_format: PixelFormat) -> None:
    """Compare what the camera will send with the plan.

    Raises:
        CameraFormatError: Its size or pixel format is another one.
    """
    wanted = {"Width": plan.frame.width, "Height": plan.frame.height, "PixelFormat": pixel_format.name}
    for name, value in wanted.items():
        if not node_map.has_node(name):
            continue  # then only the buffers can say, and each of them is compared
        node = node_map.get_node(name)
        if (got := read(node)) != value:
            raise CameraFormatError(
                f"camera {plan.name} sends {name} {got!r}, the configuration says {value!r}{_allowed(node)}; "
                "make camera.frame, camera.pixel_format and camera.features agree"
            )


def read(node: Any) -> FeatureValue | None:
    """Return the value of a feature, None when it cannot be read now or has none."""
    try:
        value = node.value
    except _READ_ERRORS:
        return None
    return value if isinstance(value, bool | int | float | str) else None


def is_same(wanted: FeatureValue, got: FeatureValue | None) -> bool:
    """Return whether a camera kept a value: exactly, or within `FLOAT_TOLERANCE` where it is a float."""
    if isinstance(got, float) and not isinstance(wanted, bool | str):
        return math.isclose(wanted, got, rel_tol=FLOAT_TOLERANCE, abs_tol=1e-9)
    return type(wanted) is type(got) and wanted == got


def _try_write(node: Any, value: FeatureValue) -> Exception | None:
    """Write a value, or execute a command; return the camera's refusal, None when it took it."""
    if isinstance(node, genapi.IFloat) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)  # YAML reads 50 as a whole number
    try:
        if not hasattr(node, "execute"):
            node.value = value
        elif value is True:
            node.execute()
    except (genapi.GenericException, TypeError) as error:
        return error
    return None


def _allowed(node: Any) -> str:
    """Return the range or the entries of a feature as the tail of a message; empty when it has none."""
    try:
        if isinstance(node, genapi.IEnumeration):
            return f"; allowed: {', '.join(node.symbolics)}"
        if isinstance(node, genapi.IInteger):
            return f"; allowed: {node.min} to {node.max} in steps of {node.inc}"
        if isinstance(node, genapi.IFloat):
            return f"; allowed: {node.min:g} to {node.max:g}"
    except _READ_ERRORS:
        return ""
    return ""


def _meant(name: str, node_map: Any) -> str:
    close = difflib.get_close_matches(name, list(_names(node_map.nodes)), n=3, cutoff=0.6)
    return f", did you mean {' or '.join(close)}?" if close else ""


def _names(nodes: Iterable[Any]) -> Iterable[str]:
    for node in nodes:
        try:
            if node.node.is_feature():
                yield node.node.name
        except _READ_ERRORS:
            continue


def _reason(error: Exception, value: FeatureValue) -> str:
    if isinstance(error, TypeError):  # the wrapper's text is about C++ overloads
        return f"it does not take a {type(value).__name__}"
    # GenApi ends with ": AccessException thrown in node ... (file ..., line ...)".
    return re.split(r"[\s:]*\w+Exception thrown", str(error))[0].strip().rstrip(".") or type(error).__name__
