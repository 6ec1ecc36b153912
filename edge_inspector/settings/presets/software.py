"""`software`: this computer asks for each picture."""

from __future__ import annotations

from edge_inspector.settings.presets.preset import Preset, triggers

PRESET = Preset(
    purpose="This computer asks for each picture: set-up and self-test, no line that moves.",
    wiring="""\
camera ---- network or USB ---- line PC (TriggerSoftware)""",
    notes="The camera process asks `frame_rate_hz` times a second. When it asks depends on how busy the computer is: "
    "never use it where the picture must meet a moving part.",
    features=lambda _trigger: triggers(FrameStart={"TriggerSource": "Software"}),
    uses=("frame_rate_hz",),
)
