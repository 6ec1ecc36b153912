"""`burst`: several pictures for each part."""

from __future__ import annotations

from edge_inspector.settings.presets.preset import ON_EDGE, Preset, debounced, frame_rate, on_edge, triggers

PRESET = Preset(
    purpose="An area camera that takes several pictures for each edge: a part that turns, or a long one.",
    wiring="""\
           part ->
    ====[########]======  belt
           |
       photo eye -------- Line0, opto-isolated input of the camera""",
    notes="Each picture of a burst has its own verdict. A burst must be over before the next edge comes; an edge "
    "within a burst is lost, and the camera leaves no gap in its numbers.",
    features=lambda trigger: {
        **debounced(trigger),
        "AcquisitionBurstFrameCount": trigger.burst_frames,
        **frame_rate(trigger),
        **triggers(FrameBurstStart=on_edge(trigger)),
    },
    uses=(*ON_EDGE, "burst_frames", "frame_rate_hz"),
    needs=("burst_frames",),
)
