"""The whole configuration of one line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge_inspector.settings.bypass import BypassSettings
from edge_inspector.settings.camera import CameraSettings
from edge_inspector.settings.decide import DecideSettings
from edge_inspector.settings.image_health import ImageHealthSettings
from edge_inspector.settings.model import ModelSettings, TilingSettings
from edge_inspector.settings.output import EndpointSettings, EvidenceSettings, MetricsSettings
from edge_inspector.settings.performance import PerformanceSettings
from edge_inspector.settings.regions import RegionSettings
from edge_inspector.settings.section import AnyPath, Section


class RingSettings(Section):
    """The shared memory between the camera process and the inspect process."""

    slots: int = Field(default=12, ge=4, le=256)
    """Frames that fit. Enough for the longest inference, divided by the time between frames, plus 3."""
    evidence_slots: int = Field(default=4, ge=0, le=64)
    """At most so many of them are lent to evidence."""
    records: int = Field(default=4096, ge=64, le=65536)
    """Triggers that fit: at least a second of them, so that a lost frame still gets its verdict."""


class LineSettings(Section):
    """One line: one configuration, one daemon."""

    line: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
    """Name of the line, in every topic: lower-case letters, digits and dashes."""
    recipe: str = Field(default="default", max_length=64)
    """Name of what changes with the product, repeated in every verdict."""
    camera: CameraSettings
    model: ModelSettings
    tiling: TilingSettings = TilingSettings()
    decide: DecideSettings = DecideSettings()
    regions: RegionSettings | None = None
    """Left out: the whole frame, by the rules of `decide`."""
    image_health: ImageHealthSettings = ImageHealthSettings()
    endpoints: EndpointSettings = EndpointSettings()
    metrics: MetricsSettings = MetricsSettings()
    evidence: EvidenceSettings | None = None
    """Left out: no pictures are kept."""
    ring: RingSettings = RingSettings()
    performance: PerformanceSettings = PerformanceSettings()
    bypass: BypassSettings = BypassSettings()
    state_dir: AnyPath
    """Folder of what must survive a restart (part numbers, audit log), relative to this file."""
    log: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is logged."""
