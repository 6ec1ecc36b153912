"""`regions:` in the inspect process: the rules of zones, and which tiles of a picture are asked about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from edge_inspector.app.plans import RegionPlan, ViewPlan
from edge_inspector.bundle.manifest import Manifest
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import U8, Index
from edge_inspector.core.look import Look
from edge_inspector.core.verdict import Judgement, TileResults
from edge_inspector.decide.evidence import Margin
from edge_inspector.decide.limits import merged_limits
from edge_inspector.decide.rules import Rules, judge
from edge_inspector.decide.zones import Zone, ZoneRules, judge_zones
from edge_inspector.tile.background import WebEdges
from edge_inspector.tile.regions import REST, Plan, lay_regions

Decide = Callable[[TileResults], Judgement]
LookAt = Callable[[U8], Look]


def layout_of_regions(plan: ViewPlan, manifest: Manifest) -> Plan | None:
    """Return the tiles to ask about and what each heat cell of them is; None for a line without `regions:`."""
    if plan.regions is None:
        return None
    frame = plan.layout.frame
    return lay_regions(
        (frame.height, frame.width), manifest.tile_hw, manifest.heat_hw, plan.overlap, plan.regions.areas
    )


def needs_heat(laid: Plan | None) -> bool:
    """Return whether scores must be taken apart by their heat: some cell is ignored or a zone has its own rules."""
    return laid is not None and not laid.is_plain


def heat_from(plan: ViewPlan, manifest: Manifest, laid: Plan | None, keeps_passed: bool) -> float:
    """Return the score below which nobody reads a tile's heat; 0 where all is read.

    All is read where scores are taken apart by it, and where a person looks at the pictures of parts that passed.
    """
    if needs_heat(laid) or keeps_passed:
        return 0.0
    return float(merged_limits(manifest.labels, manifest.limits, plan.limits, plan.config_file)[1:].min())


def rules_of(plan: ViewPlan, manifest: Manifest, corners_yx: Index, laid: Plan | None, margin: Margin | None) -> Decide:
    """Return what turns the scores of a part into its judgement.

    Args:
        plan: Limits and counts.
        manifest: Labels, and the limits of the bundle.
        corners_yx: Shape (n_tiles, 2), the engine's tiles.
        laid: From `layout_of_regions`.
        margin: How the engine's scores follow from its heat; None where that was not measured.

    Raises:
        EngineError: It was not measured and zones or ignored areas need it.
    """
    limits = merged_limits(manifest.labels, manifest.limits, plan.limits, plan.config_file)
    rules = Rules(manifest.labels, limits, plan.min_defect_tiles, plan.min_area_px)
    if plan.regions is None or laid is None or laid.is_plain:
        return partial(judge, corners_yx=corners_yx, tile_hw=manifest.tile_hw, rules=rules)
    if margin is None:  # judged without its zones, a part could pass that they reject
        raise EngineError("zones and ignored areas need a measured heat map, and the engine was made without")
    zones = _zones(plan, plan.regions, manifest, laid, rules)
    zone_rules = ZoneRules(zones, laid.inspected, margin, are_named=bool(plan.regions.zones))
    return partial(judge_zones, corners_yx=corners_yx, tile_hw=manifest.tile_hw, rules=zone_rules)


def look_for_web(plan: ViewPlan, manifest: Manifest, laid: Plan | None, look_at: LookAt | None) -> LookAt | None:
    """Return `look_at` with the search for the edges of the web added; unchanged where no background is configured."""
    if plan.regions is None or plan.regions.background is None or laid is None:
        return look_at
    edges = WebEdges(laid, manifest.tile_hw, plan.regions.background)

    def look(pixels: U8) -> Look:
        found = look_at(pixels) if look_at is not None else Look()
        if found.refuses:
            return found
        tiles = edges.tiles(pixels)
        return replace(found, tiles=tiles) if tiles is not None else replace(found, refuses=True)

    return look


def _zones(plan: ViewPlan, regions: RegionPlan, manifest: Manifest, laid: Plan, rules: Rules) -> tuple[Zone, ...]:
    own = {
        name: Rules(
            manifest.labels,
            merged_limits(
                manifest.labels, manifest.limits, {**plan.limits, **zone.limits}, plan.config_file
            ),
            zone.min_defect_tiles,
            zone.min_area_px,
        )
        for (name, _), zone in zip(regions.areas.zones, regions.zones, strict=True)
    }  # fmt: skip
    return tuple(Zone(name, rules if name == REST else own[name], cells) for name, cells in laid.zones)
