"""`free_run`: pictures at the camera's own rate."""

from __future__ import annotations

from edge_inspector.settings.presets.preset import Preset, frame_rate, triggers

PRESET = Preset(
    purpose="An area camera that takes pictures at its own rate: set-up, and lines without a part sensor.",
    wiring="""\
camera ---- network or USB ---- line PC""",
    notes="Nothing tells where a part begins: each picture counts as one. Silence means that the camera is lost.",
    features=lambda trigger: {**triggers(), **frame_rate(trigger)},
    uses=("frame_rate_hz",),
    is_triggered=lambda _trigger: False,
)
