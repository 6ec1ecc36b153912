"""`endless_web`: strips of a web without parts."""

from __future__ import annotations

from typing import Any

from edge_inspector.settings.presets.preset import ENCODER, Preset, encoder, triggers
from edge_inspector.settings.trigger import TriggerSettings


def _features(trigger: TriggerSettings) -> dict[str, Any]:
    if trigger.line_rate_hz is None:
        return {**encoder(trigger), **triggers(LineStart={"TriggerSource": "Encoder0"})}
    return {**triggers(), "AcquisitionLineRateEnable": True, "AcquisitionLineRate": trigger.line_rate_hz}


PRESET = Preset(
    purpose="A line-scan camera over an endless web, such as rolled steel: strip after strip, no part sensor.",
    wiring="""\
    ====================  web, endless
              |
         roller with encoder
              |  |
          Line1  Line2            inputs of the camera
           (A)    (B)             left out with line_rate_hz""",
    notes="Each strip counts as one part and has `frame.height` lines, less `repeat_lines`. With the encoder a stopped "
    "web gives no picture, and silence is normal; with `line_rate_hz` lines come by time, pixels stretch with the "
    "speed, and silence means that the camera is lost.",
    features=_features,
    uses=(*ENCODER, "line_rate_hz"),
    is_triggered=lambda trigger: trigger.line_rate_hz is None,
)
