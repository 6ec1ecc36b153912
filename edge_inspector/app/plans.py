"""The plain values that child processes are given: they load neither settings nor pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_inspector.acquire.plan import CameraPlan
from edge_inspector.bundle.signature import Trust
from edge_inspector.core.verdict import NO_SCALE, Outcome, Scale
from edge_inspector.decide.gate import Gate
from edge_inspector.decide.image_health import HealthRules
from edge_inspector.decide.seam import Seam
from edge_inspector.infer.runtime import TensorRtOptions
from edge_inspector.observe.logs import Level
from edge_inspector.run.memory import Layout
from edge_inspector.run.scheduling import ANYWHERE, Place
from edge_inspector.run.sets import SetRule
from edge_inspector.signal.keys import ServerKey
from edge_inspector.tile.background import Background
from edge_inspector.tile.regions import Regions


def named_model(provider: str, model: str, model_sha256: str) -> tuple[str, str]:
    """Return name@version and sha256 of what judges: of no model where none is asked, whatever bundle lies there."""
    return ("none@0", "0" * 64) if provider == "null" else (model, model_sha256)


@dataclass(frozen=True, slots=True)
class GrabPlan:
    """What a camera process is given."""

    line: str
    log_level: Level
    layouts: tuple[Layout, ...]
    """Of all cameras of the line."""
    place: int
    """Which of them this one is."""
    camera: CameraPlan
    can_wait: bool
    """A source without a rate of its own is held back instead of overrun."""
    wait_for_subscribers: int
    cores: Place = ANYWHERE


def process_name(plan: GrabPlan) -> str:
    """Return what a camera process is called in events: with its camera's name where there are several."""
    return "camera" if len(plan.layouts) == 1 else f"camera {plan.camera.name}"


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """The rules of one zone."""

    limits: Mapping[str, float]
    """By label; a label left out keeps the line's limit."""
    min_defect_tiles: int
    min_area_px: int


@dataclass(frozen=True, slots=True)
class RegionPlan:
    """Where in the frame is looked, and how strictly."""

    areas: Regions
    zones: tuple[ZonePlan, ...]
    """One for each of `areas.zones`, in that order."""
    background: Background | None
    """None: every tile is inspected."""


@dataclass(frozen=True, slots=True)
class CurvePlan:
    """What a process needs to encrypt its endpoints: handed to children, so that all have the same key."""

    key: ServerKey
    authorized: Path
    """The list of those who may connect."""


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """How the pictures of one camera are judged."""

    camera: str
    layout: Layout
    config_file: str
    bundle: Path
    model: str
    """name@version of the bundle that main has checked."""
    model_sha256: str
    precision: str
    """Which of the bundle's graphs judges."""
    trust: Trust
    """Whose bundles are taken."""
    provider: str
    device_id: int
    threads: int | None
    chunk: int
    tensorrt: TensorRtOptions
    overlap: int
    limits: Mapping[str, float]
    min_defect_tiles: int
    min_area_px: int
    regions: RegionPlan | None
    """None: the whole frame, by one set of rules."""
    image_health: HealthRules
    scale: Scale = NO_SCALE
    seam: Seam | None = None
    """Where strips of a web overlap; None where they do not."""


@dataclass(frozen=True, slots=True)
class JournalPlan:
    """Where rows go, and how much disk they may take."""

    folder: Path
    max_bytes: int
    segment_bytes: int


@dataclass(frozen=True, slots=True)
class InspectPlan:
    """What an inspect process is given."""

    line: str
    log_level: Level
    recipe: str
    journal: JournalPlan
    views: tuple[ViewPlan, ...]
    """One for each camera, in the order of the configuration."""
    sets: SetRule | None
    """How several cameras' pictures become one part; None for one camera."""
    needs_pause: bool
    """They are in step only after a pause."""
    gate: Gate
    cache_dir: Path
    deadline_ns: int | None
    endpoint: str
    lease_ms: int
    is_simulated: bool
    bypass_most_ns: int
    """Longest time that bypass may last; 0 where it is not allowed."""
    drill_most_ns: int
    """The same of drill mode."""
    keep: frozenset[Outcome]
    profile: Literal["latency", "throughput"] = "latency"
    workers: int | None = None
    """Parts judged side by side in the profile `throughput`; None for one per usable core."""
    spin: bool = False
    cores: Place = ANYWHERE
    curve: CurvePlan | None = None
    """None: the endpoint is not encrypted."""
    config: str = ""
    """Name of the settings."""
