"""What may change while a line runs, as plain values: handed to the process that judges, which loads no settings."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge_inspector.app.plans import InspectPlan, ViewPlan, ZonePlan
from edge_inspector.core.verdict import Outcome
from edge_inspector.decide.gate import Gate
from edge_inspector.decide.image_health import HealthRules
from edge_inspector.observe.logs import Level


@dataclass(frozen=True, slots=True)
class LiveView:
    """What may change of one camera; as in `ViewPlan`."""

    limits: Mapping[str, float]
    min_defect_tiles: int
    min_area_px: int
    zones: tuple[ZonePlan, ...]
    image_health: HealthRules


@dataclass(frozen=True, slots=True)
class LivePlan:
    """What may change of a line; as in `InspectPlan`."""

    config: str
    log_level: Level
    recipe: str
    gate: Gate
    deadline_ns: int | None
    bypass_most_ns: int
    keep: frozenset[Outcome]
    views: tuple[LiveView, ...]


def packed(live: LivePlan) -> bytes:
    """Return a plan as bytes; read by our own process only."""
    return pickle.dumps(live)


def unpacked(data: bytes) -> LivePlan:
    """Return a plan from its bytes."""
    live: LivePlan = pickle.loads(data)
    return live


def with_live(plan: InspectPlan, live: LivePlan) -> InspectPlan:
    """Return a plan in which everything that may change is as in another one."""
    return replace(
        plan,
        config=live.config,
        log_level=live.log_level,
        recipe=live.recipe,
        gate=live.gate,
        deadline_ns=live.deadline_ns,
        bypass_most_ns=live.bypass_most_ns,
        keep=live.keep,
        views=tuple(_with_live_view(view, new) for view, new in zip(plan.views, live.views, strict=True)),
    )


def _with_live_view(plan: ViewPlan, live: LiveView) -> ViewPlan:
    return replace(
        plan,
        limits=live.limits,
        min_defect_tiles=live.min_defect_tiles,
        min_area_px=live.min_area_px,
        regions=None if plan.regions is None else replace(plan.regions, zones=live.zones),
        image_health=live.image_health,
    )
