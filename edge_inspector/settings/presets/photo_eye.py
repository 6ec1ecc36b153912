"""`photo_eye`: one picture for each part that passes a sensor."""

from __future__ import annotations

from edge_inspector.settings.presets.preset import ON_EDGE, Preset, debounced, on_edge, triggers

PRESET = Preset(
    purpose="An area camera and a photo eye: one picture for each part.",
    wiring="""\
           part ->
    ====[####]==========  belt
           |
       photo eye ----+--- Line0, opto-isolated input of the camera
                     |
    24 V ------------+    ground of the sensor to the input's ground

    camera output (ExposureActive) ---- strobe or light controller""",
    notes="Wire the sensor to the camera, never through the PC. `delay_us` moves the exposure to where the part lies "
    "in the middle of the picture; `debounce_us` of a tenth of the shortest gap keeps one part from triggering twice.",
    features=lambda trigger: {**debounced(trigger), **triggers(FrameStart=on_edge(trigger)), "ExposureMode": "Timed"},
    uses=ON_EDGE,
)
