"""`trigger:` of a camera: the numbers and lines that its preset asks for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge_inspector.settings.section import Section

LineName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""As the camera's features call an input."""


class TriggerSettings(Section):
    """What `preset` is to write. Each preset takes some of these; see docs/how-to/trigger-a-camera.md."""

    line: LineName | None = None
    """Input that the part sensor is wired to, as the camera calls it. Left out: Line0."""
    edge: Literal["RisingEdge", "FallingEdge", "AnyEdge"] | None = None
    """Which change of that input counts. Left out: RisingEdge."""
    delay_us: float | None = Field(default=None, ge=0.0, le=10_000_000.0)
    """Time from the edge to the exposure, in microseconds. Left out: what the camera has."""
    debounce_us: float | None = Field(default=None, gt=0.0, le=1_000_000.0)
    """Changes shorter than this are ignored, in microseconds. Left out: what the camera has."""
    encoder_a: LineName | None = None
    """Input of the encoder's track A. Left out: Line1."""
    encoder_b: LineName | None = None
    """Input of the encoder's track B. Left out: Line2."""
    encoder_divider: int | None = Field(default=None, ge=1, le=65535)
    """Encoder steps for one line of the picture. Left out: 1."""
    burst_frames: int | None = Field(default=None, ge=1, le=65535)
    """Pictures for each edge of the part sensor."""
    frame_rate_hz: float | None = Field(default=None, gt=0.0, le=100_000.0)
    """Pictures per second. Left out: what the camera has; with `software` 1."""
    line_rate_hz: float | None = Field(default=None, gt=0.0, le=1_000_000.0)
    """Lines per second of a line-scan camera that runs without an encoder."""
