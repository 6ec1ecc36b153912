"""The plain values that child processes are given: they load neither settings nor pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.acquire.plan import CameraPlan
from edge_inspector.core.verdict import Outcome
from edge_inspector.observe.logs import Level
from edge_inspector.run.memory import Layout


@dataclass(frozen=True, slots=True)
class GrabPlan:
    """What a camera process is given."""

    line: str
    log_level: Level
    layout: Layout
    camera: CameraPlan
    can_wait: bool
    """A source without a rate of its own is held back instead of overrun."""
    wait_for_subscribers: int


@dataclass(frozen=True, slots=True)
class InspectPlan:
    """What an inspect process is given."""

    line: str
    log_level: Level
    layout: Layout
    epoch: int
    camera: str
    recipe: str
    config_file: str
    bundle: Path
    model: str
    """name@version of the bundle that main has checked."""
    model_sha256: str
    provider: str
    device_id: int
    threads: int | None
    chunk: int
    overlap: int
    cache_dir: Path
    limits: Mapping[str, float]
    min_defect_tiles: int
    min_area_px: int
    deadline_ns: int | None
    endpoint: str
    lease_ms: int
    is_simulated: bool
    keep: frozenset[Outcome]
