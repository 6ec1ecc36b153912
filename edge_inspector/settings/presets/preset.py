"""What a preset is, and the pieces that several are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edge_inspector.settings.trigger import TriggerSettings


@dataclass(frozen=True, slots=True)
class Preset:
    """One way to trigger a camera."""

    purpose: str
    """One sentence: for which line."""
    wiring: str
    """A sketch in text."""
    notes: str
    """What to watch, in sentences."""
    features: Callable[[TriggerSettings], dict[str, Any]]
    """What is written, in order; see `core.features`."""
    uses: tuple[str, ...] = ()
    """The keys of `trigger:` that it takes."""
    needs: tuple[str, ...] = ()
    """Those that must be given."""
    is_triggered: Callable[[TriggerSettings], bool] = lambda _trigger: True
    """Whether silence is normal."""


DEFAULT_LINE, DEFAULT_A, DEFAULT_B = "Line0", "Line1", "Line2"
ON_EDGE = ("line", "edge", "delay_us", "debounce_us")
ENCODER = ("encoder_a", "encoder_b", "encoder_divider")
_TRIGGERS = ("AcquisitionStart", "FrameBurstStart", "FrameStart", "LineStart")
"""Whatever a camera may wait for. One that was left on by another program would hold the pictures back."""


def triggers(**on: Mapping[str, Any]) -> dict[str, Any]:
    """Return the trigger selector with these triggers on and all others off, those first."""
    off: dict[str, Mapping[str, Any]] = {name: {"TriggerMode": "Off"} for name in _TRIGGERS if name not in on}
    # Source before mode: some cameras take a source only while the trigger is off.
    return {"TriggerSelector": off | {name: {**block, "TriggerMode": "On"} for name, block in on.items()}}


def on_edge(trigger: TriggerSettings) -> dict[str, Any]:
    """Return the block of a trigger that waits for the part sensor."""
    block: dict[str, Any] = {
        "TriggerSource": trigger.line or DEFAULT_LINE,
        "TriggerActivation": trigger.edge or "RisingEdge",
    }
    if trigger.delay_us is not None:
        block["TriggerDelay"] = trigger.delay_us
    return block


def debounced(trigger: TriggerSettings) -> dict[str, Any]:
    """Return what keeps a bouncing part sensor from triggering twice; empty when nothing was asked for."""
    if trigger.debounce_us is None:
        return {}
    return {"LineSelector": {trigger.line or DEFAULT_LINE: {"LineDebouncerTime": trigger.debounce_us}}}


def encoder(trigger: TriggerSettings) -> dict[str, Any]:
    """Return the encoder that counts forward steps of both tracks and gives one pulse for each line."""
    block = {
        "EncoderSourceA": trigger.encoder_a or DEFAULT_A,
        "EncoderSourceB": trigger.encoder_b or DEFAULT_B,
        "EncoderMode": "FourPhase",
        "EncoderDivider": trigger.encoder_divider or 1,
        # Steps back, as of a belt that settles, give no line until the belt is where it was.
        "EncoderOutputMode": "PositionUp",
    }
    return {"EncoderSelector": {"Encoder0": block}}


def frame_rate(trigger: TriggerSettings) -> dict[str, Any]:
    """Return the camera's own rate; empty when nothing was asked for."""
    if trigger.frame_rate_hz is None:
        return {}
    return {"AcquisitionFrameRateEnable": True, "AcquisitionFrameRate": trigger.frame_rate_hz}
