"""The file of a baseline: whose pictures it was taken from, and whether it may be used with this configuration."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_inspector.core.clock import utc_us
from edge_inspector.core.errors import Mistake, ProcessError, SettingsError
from edge_inspector.core.look import Look
from edge_inspector.decide.image_health import Baseline
from edge_inspector.settings.camera import GenicamSettings
from edge_inspector.settings.line import LineSettings

FORMAT = "insp-baseline/1"
EXPOSURE = ("Exposure", "Gain", "BlackLevel", "Gamma", "Balance", "LUT", "Light", "Binning", "Decimation")
"""Beginnings of the names (SFNC) of features that change how bright or how sharp a picture is."""
_MAX_BYTES = 65536
"""A baseline has some 500; a larger file is something else."""


def baseline_path(settings: LineSettings, place: int) -> Path:
    """Return where the baseline of a line's camera lies, whether there is one or not.

    By its place among the cameras, not by its name: the file says which camera it is of, and another is refused.
    """
    return settings.state_dir / ("baseline.json" if place == 0 else f"baseline-{place + 1}.json")


def load_baseline(settings: LineSettings, place: int) -> Baseline | None:
    """Return the baseline of one camera; None when none was recorded.

    Args:
        settings: As if it were the only camera of the line.
        place: Among the cameras of the line, from 0.

    Raises:
        SettingsError: It is damaged, or was recorded with another camera or exposure than configured now.
    """
    path = baseline_path(settings, place)
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}; make it readable") from error
    try:
        kept = json.loads(text)
        usual = Baseline(_figure(kept["brightness"], 255.0), _figure(kept["sharpness"], 255.0))
        is_ours, camera = kept["format"] == FORMAT, dict(kept["camera"])
    # RecursionError: thousands of brackets.
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise _refused(path, "is damaged") from error
    if not is_ours:
        raise _refused(path, f"is of another format, not {FORMAT}")
    now = _camera_facts(settings)
    for key in sorted(camera.keys() | now.keys()):
        if camera.get(key) != now.get(key):
            raise _refused(path, f"was recorded with camera {key} {camera.get(key)!r}, now it is {now.get(key)!r}")
    return usual


def write_baseline(settings: LineSettings, place: int, usual: Baseline, looks: Sequence[Look]) -> Path:
    """Keep a baseline, whole or not at all; returns its file.

    Raises:
        ProcessError: The state folder cannot be written.
    """
    path = baseline_path(settings, place)
    content = {
        "format": FORMAT,
        "recorded_utc_us": utc_us(),
        "pictures": len(looks),
        "camera": _camera_facts(settings),
        "brightness": _spread(usual.brightness, [look.brightness for look in looks]),
        "sharpness": _spread(usual.sharpness, [look.sharpness for look in looks]),
        "dark_share_max": max(look.dark_share for look in looks),
        "bright_share_max": max(look.bright_share for look in looks),
    }
    draft = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w") as file:
            file.write(json.dumps(content, indent=1))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder_fd = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder_fd)
        finally:
            os.close(folder_fd)
    except OSError as error:
        raise ProcessError(
            f"{path} cannot be written: {error.strerror}; make state_dir writable for this user, or set another"
        ) from error
    return path


def _camera_facts(settings: LineSettings) -> dict[str, Any]:
    """Return what must be the same for a baseline to hold, in JSON's types."""
    camera = settings.camera
    facts: dict[str, Any] = {
        "kind": camera.kind,
        "name": camera.name,
        "frame (h, w, c)": list(camera.frame.shape().hwc),
    }
    if isinstance(camera, GenicamSettings):
        facts |= {"serial": camera.serial, "pixel_format": camera.pixel_format}
        facts |= {name: value for name, value in camera.features.items() if name.startswith(EXPOSURE)}
    return facts


def _spread(middle: float, values: Sequence[float]) -> dict[str, float]:
    return {"median": middle, "lowest": min(values), "highest": max(values)}


def _figure(kept: Any, most: float) -> float:
    value = float(kept["median"])
    if not (math.isfinite(value) and 0.0 < value <= most):
        raise ValueError(f"{value} is out of range")
    return value


def _refused(path: Path, what: str) -> SettingsError:
    step = f"record it again with `edge-inspector camera baseline`, or remove {path} to run without"
    return SettingsError([Mistake(str(path), None, "", f"the baseline {what}; {step}")])
