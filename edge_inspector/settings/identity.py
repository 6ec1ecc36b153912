"""Blocks under `camera:` that say which part a picture belongs to: count of triggers, encoder, scale."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge_inspector.settings.section import Section

ChunkName = Annotated[str, Field(pattern=r"^Chunk[A-Za-z0-9_]+$")]


class TriggerCountSettings(Section):
    """Where triggers are counted: what the camera can tell decides what can be seen."""

    source: Literal["frame_id", "counter", "over_trigger"] = "frame_id"
    """`counter` sees triggers that the camera missed; `over_trigger` too, by its event; `frame_id` sees lost frames."""
    chunk: ChunkName = "ChunkCounterValue"
    """For `counter`: the chunk with the trigger counter. The counter itself is set up under `features`."""


class EncoderSettings(Section):
    """An encoder whose count comes with every frame as chunk data."""

    chunk: ChunkName = "ChunkEncoderValue"
    """The chunk with the count."""
    counts_per_mm: float = Field(gt=0.0, le=1e6)
    """Counts of the camera's counter per mm of web or belt."""
    max_speed_mm_s: float = Field(gt=0.0, le=1e6)
    """The line never runs faster: a count that moved further is no place, and its part is UNKNOWN `encoder`."""
    modulus: int = Field(default=2**32, ge=256, le=2**53)
    """The counter goes from 0 to one less and begins again."""
    direction: Literal["forward", "backward"] = "forward"
    """`backward`: the count falls while the line runs forward."""


class ScaleSettings(Section):
    """What a pixel is in mm; then defects say where they are in mm too."""

    x: float = Field(gt=0.0, le=1000.0)
    """mm per pixel across the web or picture."""
    y: float = Field(gt=0.0, le=1000.0)
    """mm per row: along the web, for line scan what the line trigger makes of it."""
