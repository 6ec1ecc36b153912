"""From the scores of all tiles to the judgement of one part, where places in the frame have rules of their own. Pure.

A zone sees the whole score of a tile as soon as any of its own cells speaks for a defect (heat over 0), else the score
that is left without any such cell. So a defect on the border of two zones counts in both, and zones with the line's own
limits that reject from one tile and any area on let nothing pass that would be rejected without them. Where several
tiles or an area must come together, they must in one zone: one tile in each of two zones is one in each.

Laws: evidence is only ever taken away from a score, never added; more evidence never turns a REJECT into a PASS; one
zone over everything judges as `rules.judge` does; NaN anywhere in a tile that was scored is UNKNOWN, ignored or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from edge_inspector.core.frame import F32, Index
from edge_inspector.core.verdict import Judgement, Outcome, Reason, TileResults, ZoneJudgement
from edge_inspector.decide.boxes import covered_area_px
from edge_inspector.decide.defects import merged_defects
from edge_inspector.decide.evidence import Bools, Margin, reaching, tile_scores, weakened
from edge_inspector.decide.rules import (
    BOX_SHARE,
    Counting,
    Rules,
    boxes_of,
    check_shapes,
    counting_tiles,
    distrust_of,
    hits_of,
)


@dataclass(frozen=True, slots=True)
class Zone:
    """Cells of the frame with rules of their own."""

    name: str
    rules: Rules
    cells: Bools
    """Shape (n_grid, h', w'), True for a cell of the zone; all of them inspected."""


@dataclass(frozen=True, slots=True)
class ZoneRules:
    """What turns scores into a verdict where some places are ignored or have rules of their own."""

    zones: tuple[Zone, ...]
    """At least one; together they hold every inspected cell."""
    inspected: Bools
    """Shape (n_grid, h', w'), False for a cell that is ignored."""
    margin: Margin
    """How the model's score follows from its heat."""
    are_named: bool
    """Whether the judgement tells what each zone said."""
    strictest: Rules = field(init=False)
    """The lowest limits of all zones: a tile that does not count by them counts nowhere."""

    def __post_init__(self) -> None:
        lowest = np.min([zone.rules.limits for zone in self.zones], axis=0)
        object.__setattr__(self, "strictest", replace(self.zones[0].rules, limits=lowest))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What of a part the zones look at: one row for each tile that may count in some zone."""

    heat: F32
    """Shape (n, h', w'), -inf in ignored cells: they are never boxed."""
    scores: F32
    """Shape (n, n_labels), without the evidence of ignored cells."""
    bare: F32
    """Shape (n, n_labels), without any evidence."""
    places: Index
    """Shape (n,), places in the grid."""
    corners_yx: Index
    """Shape (n, 2), in pixels of the frame."""
    tile_hw: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Said:
    """What one zone says."""

    counting: list[Counting]
    is_reject: bool


def judge_zones(results: TileResults, corners_yx: Index, tile_hw: tuple[int, int], rules: ZoneRules) -> Judgement:
    """Judge one part zone by zone; it is rejected when any of its zones rejects it.

    Where a picture's background left fewer tiles of a zone than must count, all that are left suffice.

    Args:
        results: Scores and heat maps in grid order, `tiles` their places. Not kept: the judgement holds copies.
        corners_yx: Shape (n_grid, 2), top-left corner of each tile of the grid, in frame pixels.
        tile_hw: Tile height and width, in pixels.
        rules: Zones and what is ignored.

    Returns:
        As `rules.judge`; scores are those without the evidence of ignored cells.

    Raises:
        ValueError: Scores, heat, corners and labels do not belong together.
    """
    places = np.arange(len(corners_yx)) if results.tiles is None else results.tiles
    labels, corners_yx, n_tiles = rules.strictest.labels, corners_yx[places], len(results.scores)
    check_shapes(results, corners_yx, labels)
    distrust = distrust_of(results)
    if distrust is not None:
        return Judgement(Outcome.UNKNOWN, distrust, n_tiles=n_tiles)
    inspected: Bools = rules.inspected[places]
    scores = weakened(results.scores, results.heat, inspected, rules.margin)
    worst = tile_scores(scores)
    score = min(float(worst.max()), 1.0)
    rows = [hit.tile for hit in counting_tiles(scores, worst, rules.strictest)]
    if rows:
        heat = results.heat[rows]
        bare = weakened(results.scores[rows], heat, np.zeros_like(inspected[rows]), rules.margin)
        shown = np.where(inspected[rows], heat, np.float32(-np.inf))
        seen = _Seen(shown, scores[rows], bare, places[rows], corners_yx[rows], tile_hw)
        said = [_ask(zone, seen, int(zone.cells[places].any(axis=(1, 2)).sum())) for zone in rules.zones]
    else:
        said = [_Said([], is_reject=False)] * len(rules.zones)
    told = _told(rules, said)
    if not any(one.counting for one in said):
        return Judgement(Outcome.PASS, Reason.OK, score, labels[0], n_tiles=n_tiles, zones=told)
    return _with_defects(Judgement(Outcome.PASS, Reason.BELOW_AREA, score, None, (), n_tiles, zones=told), said, seen)


def _ask(zone: Zone, seen: _Seen, n_tiles: int) -> _Said:
    """Return what a zone says that lies in so many of the picture's tiles."""
    cells: Bools = zone.cells[seen.places]
    is_here, speaks = (np.asarray(found.any(axis=(1, 2))) for found in (cells, cells & (seen.heat > 0.0)))
    scores = np.where(speaks[:, None], seen.scores, seen.bare)
    counting = [hit for hit in counting_tiles(scores, tile_scores(scores), zone.rules) if is_here[hit.tile]]
    is_reject = bool(counting) and len(counting) >= min(zone.rules.min_defect_tiles, n_tiles)
    if is_reject and zone.rules.min_area_px > 0:
        own = np.full_like(seen.heat, -np.inf)
        for hit in counting:
            kept = reaching(seen.heat[hit.tile], cells[hit.tile])
            own[hit.tile][kept] = seen.heat[hit.tile][kept]
        boxes = boxes_of(own, seen.corners_yx, seen.tile_hw, zone.rules.box_share, counting)
        is_reject = covered_area_px([sighting.box for sighting in boxes]) >= zone.rules.min_area_px
    return _Said(counting, is_reject)


def _told(rules: ZoneRules, said: list[_Said]) -> tuple[ZoneJudgement, ...]:
    if not rules.are_named:
        return ()
    return tuple(
        ZoneJudgement(zone.name, len(one.counting), Outcome.REJECT if one.is_reject else Outcome.PASS)
        for zone, one in zip(rules.zones, said, strict=True)
    )


def _with_defects(below: Judgement, said: list[_Said], seen: _Seen) -> Judgement:
    """Return the judgement of a part of which tiles count in at least one zone; `below` is it without them."""
    labels: dict[int, str] = {}
    for one in sorted(said, key=lambda one: not one.is_reject):  # a zone that rejects names the tile
        for hit in one.counting:
            labels.setdefault(hit.tile, hit.label)
    worst = tile_scores(seen.scores)
    # The rows come worst first, so their numbers are the order.
    counting = [Counting(row, min(float(worst[row]), 1.0), labels[row]) for row in sorted(labels)]
    sightings = boxes_of(seen.heat, seen.corners_yx, seen.tile_hw, BOX_SHARE, counting)
    is_reject = any(one.is_reject for one in said)
    return replace(
        below,
        outcome=Outcome.REJECT if is_reject else Outcome.PASS,
        reason=Reason.DEFECT if is_reject else Reason.BELOW_AREA,
        label=counting[0].label,
        defects=merged_defects(sightings),
        n_defect_tiles=len(counting),
        hits=hits_of(counting, seen.places),
    )
