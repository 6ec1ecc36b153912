"""Which camera `camera features` is about, and which features a file gives it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.app.planning import camera_plan
from edge_inspector.app.ready import view_named
from edge_inspector.core.errors import SettingsError, UsageError
from edge_inspector.settings.camera import GenicamSettings
from edge_inspector.settings.feature_tree import FeatureTree
from edge_inspector.settings.load import load_line
from edge_inspector.settings.read import read_yaml
from edge_inspector.settings.section import Section


class FeatureFile(Section):
    """What `camera features --save` writes."""

    features: FeatureTree


def meant_camera(config: Path | None, cti: str | None, serial: str, name: str | None = None) -> tuple[str, str]:
    """Return producer and serial number, of a configuration or as they were named.

    Raises:
        UsageError: Neither or both were named, or the configuration is of another kind of camera.
        SettingsError: The configuration is wrong.
    """
    if (config is None) == (cti is None):
        raise UsageError("name the camera: --config FILE, or --cti FILE and where it has several cameras --serial")
    if config is None:
        return str(cti), serial
    if serial:
        raise UsageError("--serial belongs to --cti; the configuration names its camera itself")
    camera = view_named(load_line(config), name)[1].camera
    if not isinstance(camera, GenicamSettings):
        raise UsageError(f"{config} has a camera of kind {camera.kind}, which has no features; genicam has")
    return camera.cti, camera.serial


def features_of(file: Path) -> dict[str, Any]:
    """Return the features that a saved file or a configuration of a line gives its camera.

    Raises:
        SettingsError: It is neither.
        UsageError: It is a line with another kind of camera.
    """
    data, lines = read_yaml(file)
    if isinstance(data, dict) and "camera" in data:
        return _of_line(file)
    try:
        return dict(FeatureFile.model_validate(data).features)
    except ValidationError as error:
        mistakes = []
        for one in error.errors(include_url=False, include_context=False):
            path = one["loc"][:2]
            mistakes.append(lines.mistake(path, one["msg"]))
        raise SettingsError(list(dict.fromkeys(mistakes))) from error


def _of_line(file: Path) -> dict[str, Any]:
    plan = camera_plan(load_line(file))
    if not isinstance(plan, GenicamPlan):
        raise UsageError(f"{file} has another kind of camera than genicam, which has no features")
    frame = {"PixelFormat": plan.pixel_format, "Width": plan.frame.width, "Height": plan.frame.height}
    merged = {**frame, **plan.preset_features}
    for name, value in plan.features.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _joined(merged[name], value) if both else value
    return merged


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return two selectors' blocks as one; no feature stands in both."""
    joined = dict(one)
    for entry, block in other.items():
        joined[entry] = {**joined.get(entry, {}), **block}
    return joined


def save_text(file: Path, text: str) -> None:
    """Write a file.

    Raises:
        UsageError: It cannot be written there.
    """
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
