"""Ways to trigger a camera, by name: each a table of features that is written before the line's own."""

from __future__ import annotations

from typing import Literal

from edge_inspector.settings.presets import (
    burst,
    endless_web,
    free_run,
    line_scan_encoder,
    photo_eye,
    software,
)
from edge_inspector.settings.presets.preset import Preset

PresetName = Literal["free_run", "photo_eye", "line_scan_encoder", "endless_web", "software", "burst"]
"""In the order of the documentation."""

PRESETS: dict[str, Preset] = {
    "free_run": free_run.PRESET,
    "photo_eye": photo_eye.PRESET,
    "line_scan_encoder": line_scan_encoder.PRESET,
    "endless_web": endless_web.PRESET,
    "software": software.PRESET,
    "burst": burst.PRESET,
}
