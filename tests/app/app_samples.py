"""Settings of every kind of camera, with every section in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_inspector.settings.line import LineSettings

FRAME = {"width": 128, "height": 64, "channels": 1}
CAMERAS: dict[str, dict[str, Any]] = {
    "genicam": {"kind": "genicam", "cti": "/opt/producer.cti", "frame": FRAME},
    "replay": {"kind": "replay", "folder": "/pictures", "frame": FRAME},
    "synthetic": {"kind": "synthetic", "frame": FRAME},
}


def values(kind: str = "synthetic") -> dict[str, Any]:
    """Return what a configuration file holds."""
    return {
        "line": "press-3",
        "camera": dict(CAMERAS[kind]),
        "model": {"bundle": "/bundle", "unsigned": "allow"},
        "evidence": {"folder": "/evidence"},
        "state_dir": "/state",
    }


def settings_of(given: dict[str, Any]) -> LineSettings:
    """Return the settings of what a file holds."""
    return LineSettings.model_validate(given)


def changed(given: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return values with one of them replaced; `path` is dotted."""
    head, _, rest = path.partition(".")
    if not rest:
        return given | {head: value}
    return given | {head: changed(given.get(head, {}), rest, value)}


def bundle_in(folder: Path) -> Path:
    """Return a tiny bundle for the samples' frame."""
    from fakes.tiny_bundle import write_tiny_bundle

    return write_tiny_bundle(folder, tile=(64, 64), channels=1)
