"""From settings to what of them may change while a line runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge_inspector.app.live_plan import LivePlan, LiveView
from edge_inspector.app.planning import bypass_most_ns, deadline_ns, gate_of, health_rules, kept_outcomes
from edge_inspector.app.plans import ZonePlan
from edge_inspector.app.ready import ReadyView, as_written
from edge_inspector.app.regions import zone_plans
from edge_inspector.decide.limits import merged_limits
from edge_inspector.decide.rules import Rules
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.live import config_name


def live_plan(settings: LineSettings, views: Sequence[ReadyView]) -> LivePlan:
    """Return what of settings is live, for the process that judges.

    Args:
        settings: Of the line.
        views: Of the running line, in the order of the cameras: their bundles and baselines stay.
    """
    return LivePlan(
        config=config_name(as_written(settings, views)),
        log_level=settings.log,
        recipe=settings.recipe,
        gate=gate_of(settings),
        deadline_ns=deadline_ns(settings),
        bypass_most_ns=bypass_most_ns(settings),
        keep=kept_outcomes(settings),
        views=tuple(_live_view(new, view) for new, view in zip(settings.views(), views, strict=True)),
    )


def _live_view(settings: LineSettings, view: ReadyView) -> LiveView:
    decide = settings.decide
    return LiveView(
        limits=dict(decide.limits),
        min_defect_tiles=decide.min_defect_tiles,
        min_area_px=decide.min_area_px,
        zones=() if settings.regions is None else zone_plans(settings.regions),
        image_health=health_rules(settings, view.baseline),
    )


def check_rules(live: LivePlan, views: Sequence[ReadyView], config_file: str) -> None:
    """Make the rules once, as the process that judges will: what it could not use is found before it is told.

    Raises:
        SettingsError: A limit that cannot be.
    """
    for plan, view in zip(live.views, views, strict=True):
        manifest = view.bundle.manifest
        for own, tiles, area in ((plan.limits, plan.min_defect_tiles, plan.min_area_px), *map(_of_zone, plan.zones)):
            limits = merged_limits(manifest.labels, manifest.limits, {**plan.limits, **own}, config_file)
            Rules(manifest.labels, limits, tiles, area)


def _of_zone(zone: ZonePlan) -> tuple[Mapping[str, float], int, int]:
    return zone.limits, zone.min_defect_tiles, zone.min_area_px
