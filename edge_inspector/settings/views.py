"""`more_views:` further cameras that see the same part; `sets:` how their pictures become one part."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge_inspector.settings.camera import CameraSettings
from edge_inspector.settings.image_health import ImageHealthSettings
from edge_inspector.settings.model import ModelSettings, TilingSettings
from edge_inspector.settings.regions import RegionSettings
from edge_inspector.settings.section import Section


class RingSettings(Section):
    """The shared memory between the camera process and the inspect process."""

    slots: int = Field(default=12, ge=4, le=256)
    """Frames that fit. Enough for the longest inference, divided by the time between frames, plus 3."""
    evidence_slots: int = Field(default=4, ge=0, le=64)
    """At most so many of them are lent to evidence."""
    records: int = Field(default=4096, ge=64, le=65536)
    """Triggers that fit: at least a second of them, so that a lost frame still gets its verdict."""


class RuleSettings(Section):
    """Limits and counts of one view; a tile at its limit counts."""

    limits: dict[str, Annotated[float, Field(gt=0.0, le=1.0)]] = Field(default={})
    """Score from which a tile counts as that defect label; a label left out keeps the bundle's own limit."""
    min_defect_tiles: int = Field(default=1, ge=1, le=10000)
    """Tiles at or over their limit that reject a part; fewer pass it as `below_area`, counted apart."""
    min_area_px: int = Field(default=0, ge=0)
    """Area of the defect boxes, in pixels of the frame, from which a part is rejected; 0 for any."""


class ViewSettings(Section):
    """A further camera that sees the same part. What is left out is as for the first, but for `regions`."""

    camera: CameraSettings
    model: ModelSettings | None = None
    """Left out: the bundle of the first camera."""
    tiling: TilingSettings | None = None
    """Left out: as for the first camera."""
    decide: RuleSettings | None = None
    """Left out: the limits and counts of the first camera."""
    regions: RegionSettings | None = None
    """Left out: the whole frame, by the rules of `decide`."""
    image_health: ImageHealthSettings | None = None
    """Left out: as for the first camera."""
    ring: RingSettings | None = None
    """Left out: as for the first camera."""
    later_ms: float = Field(default=0.0, ge=-60_000.0, le=60_000.0)
    """How much later than the first camera this one sees a part, in ms: 0 where all have the same trigger."""


class SetSettings(Section):
    """How the pictures of several cameras become one part. Without `more_views` nothing of it counts."""

    by: Literal["time", "count"] = "time"
    """`time`: what was triggered within `window_ms`; `count`: the n-th trigger of each camera, for cameras at different
    places of the line whose parts do not move evenly."""
    window_ms: float = Field(default=5.0, gt=0.0, le=10_000.0)
    """By time: pictures so close together are of one part. Less than half of the shortest time between two parts."""
    wait_ms: float = Field(default=200.0, gt=0.0, le=60_000.0)
    """So long after its trigger a part may wait for a picture; then it is UNKNOWN `partial_set`."""
