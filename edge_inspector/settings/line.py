"""The whole configuration of one line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge_inspector.settings.bypass import BypassSettings
from edge_inspector.settings.camera import CameraSettings
from edge_inspector.settings.decide import DecideSettings
from edge_inspector.settings.drill import DrillSettings
from edge_inspector.settings.gate import GateSettings
from edge_inspector.settings.image_health import ImageHealthSettings
from edge_inspector.settings.journal import JournalSettings
from edge_inspector.settings.model import ModelSettings, TilingSettings
from edge_inspector.settings.output import EndpointSettings, EvidenceSettings, MetricsSettings
from edge_inspector.settings.performance import PerformanceSettings
from edge_inspector.settings.regions import RegionSettings
from edge_inspector.settings.section import AnyPath, Section
from edge_inspector.settings.views import RingSettings, SetSettings, ViewSettings


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
    gate: GateSettings | None = None
    """Left out: the gate knows by itself where it is, and verdicts say nothing of it."""
    regions: RegionSettings | None = None
    """Left out: the whole frame, by the rules of `decide`."""
    more_views: list[ViewSettings] = Field(default=[], max_length=7)
    """Further cameras that see the same part, each with what differs from the first."""
    sets: SetSettings = SetSettings()
    image_health: ImageHealthSettings = ImageHealthSettings()
    endpoints: EndpointSettings = EndpointSettings()
    metrics: MetricsSettings = MetricsSettings()
    evidence: EvidenceSettings | None = None
    """Left out: no pictures are kept."""
    ring: RingSettings = RingSettings()
    performance: PerformanceSettings = PerformanceSettings()
    bypass: BypassSettings = BypassSettings()
    drill: DrillSettings = DrillSettings()
    journal: JournalSettings = JournalSettings()
    state_dir: AnyPath
    """Folder of what must survive a restart (part numbers, journal, audit log), relative to this file."""
    log: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is logged."""

    @property
    def deadline_ms(self) -> float | None:
        """From the trigger to the latest useful verdict, by `decide` and by the gate; None for any."""
        limits = [self.decide.deadline_ms, None if self.gate is None else self.gate.reach_ms]
        return min((limit for limit in limits if limit is not None), default=None)

    def views(self) -> list[LineSettings]:
        """Return a line of one camera for each camera of this one: what is right for each is right for all."""
        return [self.model_copy(update={"more_views": []}), *map(self._of_view, self.more_views)]

    def _of_view(self, view: ViewSettings) -> LineSettings:
        own = {key: getattr(view, key) for key in ("model", "tiling", "image_health", "ring")}
        update = {key: section for key, section in own.items() if section is not None}
        if view.decide is not None:
            update["decide"] = DecideSettings(**view.decide.model_dump(), deadline_ms=self.decide.deadline_ms)
        return self.model_copy(update=update | {"camera": view.camera, "regions": view.regions, "more_views": []})
