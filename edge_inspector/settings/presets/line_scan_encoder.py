"""`line_scan_encoder`: a line for each step of the belt, a picture for each part."""

from __future__ import annotations

from edge_inspector.settings.presets.preset import ENCODER, ON_EDGE, Preset, debounced, encoder, on_edge, triggers

PRESET = Preset(
    purpose="A line-scan camera over a belt: the encoder gives the lines, a part sensor begins each picture.",
    wiring="""\
    ====[####]==========  belt
       |          |
   part sensor   roller with encoder
       |          |  |
     Line0    Line1  Line2        inputs of the camera
    (begin)    (A)    (B)         A and B a quarter of a period apart""",
    notes="A picture has `frame.height` lines: the longest part, divided by the length of a line. `encoder_divider` "
    "is that length in encoder steps, so that pixels are square. Keep the exposure below the time of a line at the "
    "highest speed, or lines are left out.",
    features=lambda trigger: {
        **encoder(trigger),
        **debounced(trigger),
        **triggers(FrameStart=on_edge(trigger), LineStart={"TriggerSource": "Encoder0"}),
    },
    uses=(*ON_EDGE, *ENCODER),
)
