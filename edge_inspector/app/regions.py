"""`regions:` in main: from the settings to plain values, and what of them does not fit the bundle's tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_inspector.app.plans import RegionPlan, ZonePlan
from edge_inspector.bundle.manifest import Manifest
from edge_inspector.core.errors import Mistake, SettingsError
from edge_inspector.core.frame import Index
from edge_inspector.record.regions import DrawnRegions
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import KeyPath, LineMap
from edge_inspector.settings.mask import read_mask
from edge_inspector.settings.regions import RegionSettings
from edge_inspector.tile.background import Background
from edge_inspector.tile.grid import grid_corners
from edge_inspector.tile.regions import REST, Bools, Plan, Polygon, Regions, ignored_pixels, lay_regions


def region_plan(settings: LineSettings) -> RegionPlan | None:
    """Return what the inspect process is given of `regions:`; None for a line without. Reads the mask.

    Raises:
        SettingsError: The mask is no longer what it was when the settings were checked.
    """
    regions, frame = settings.regions, settings.camera.frame
    if regions is None:
        return None
    mask = None if regions.mask is None else read_mask(regions.mask, (frame.height, frame.width))
    if isinstance(mask, str):
        raise SettingsError([Mistake("configuration", None, "regions.mask", mask)])
    roi = None if regions.roi is None else (regions.roi.x, regions.roi.y, regions.roi.width, regions.roi.height)
    below = regions.background
    return RegionPlan(
        areas=Regions(
            roi=roi,
            ignored=tuple((area.name, _polygon(area.polygon)) for area in regions.ignore),
            mask=mask,
            zones=tuple((zone.name, _polygon(zone.polygon)) for zone in regions.zones),
        ),
        zones=zone_plans(regions),
        background=None
        if below is None
        else Background(below.darker_than, below.brighter_than, below.share, below.min_tiles),
    )


def zone_plans(regions: RegionSettings) -> tuple[ZonePlan, ...]:
    """Return the rules of the zones."""
    return tuple(ZonePlan(dict(zone.limits), zone.min_defect_tiles, zone.min_area_px) for zone in regions.zones)


def laid_out(settings: LineSettings, manifest: Manifest) -> Plan | None:
    """Return the tiles of a line and what each heat cell of them is; None for a line without `regions:`.

    Raises:
        SettingsError: As `region_plan`.
        ValueError: A frame or rectangle that holds no tile; `region_mistakes` tells them.
    """
    plan, frame = region_plan(settings), settings.camera.frame
    if plan is None:
        return None
    frame_hw = (frame.height, frame.width)
    return lay_regions(frame_hw, manifest.tile_hw, manifest.heat_hw, settings.tiling.overlap, plan.areas)


@dataclass(frozen=True, slots=True)
class Scene:
    """What stands still in the pictures of a line: the tiles, and what was drawn of regions."""

    corners_yx: Index
    """Shape (n_tiles, 2), top-left corner of each tile of the grid, in pixels."""
    tile_hw: tuple[int, int]
    """Tile height and width, in pixels."""
    inspected: Bools | None = None
    """Shape (n_tiles, h', w'), False for an ignored heat cell; None when none is."""
    regions: DrawnRegions | None = None
    """None for a line without `regions:`."""


def scene_of(settings: LineSettings, manifest: Manifest) -> Scene:
    """Return what evidence pictures of a line show beside the part itself.

    Raises:
        SettingsError: As `region_plan`.
        ValueError: The frame holds no tile.
    """
    frame = settings.camera.frame
    frame_hw, plan = (frame.height, frame.width), region_plan(settings)
    if plan is None:
        return Scene(grid_corners(frame_hw, manifest.tile_hw, settings.tiling.overlap), manifest.tile_hw)
    laid = lay_regions(frame_hw, manifest.tile_hw, manifest.heat_hw, settings.tiling.overlap, plan.areas)
    drawn = DrawnRegions(plan.areas, ignored_pixels(frame_hw, plan.areas))
    return Scene(laid.corners_yx, manifest.tile_hw, laid.inspected, drawn)


def region_mistakes(settings: LineSettings, manifest: Manifest, lines: LineMap) -> list[Mistake]:
    """Return what of `regions:` does not fit the bundle's tiles, in the order of the lines; empty when all fits.

    Nothing where the frame itself does not fit: that has been told.
    """
    tile_h, tile_w = manifest.tile_hw
    frame, regions = settings.camera.frame, settings.regions
    if regions is None or frame.height < tile_h or frame.width < tile_w:
        return []
    if settings.tiling.overlap >= min(tile_h, tile_w):
        return []
    roi = regions.roi
    if roi is not None and (roi.width < tile_w or roi.height < tile_h):
        what = f"{roi.width}x{roi.height} px do not hold a tile, which is {tile_w}x{tile_h} px"
        return [lines.mistake(("regions", "roi"), what)]
    plan = laid_out(settings, manifest)
    assert plan is not None  # regions is not None
    found = [lines.mistake(path, what) for path, what in _misfits(settings, manifest, plan)]
    return sorted(found, key=lambda mistake: mistake.line or 0)


def _misfits(settings: LineSettings, manifest: Manifest, plan: Plan) -> Iterator[tuple[KeyPath, str]]:
    regions, n_tiles = settings.regions, len(plan.corners_yx)
    assert regions is not None  # asked for by `region_mistakes` alone
    if n_tiles == 0:
        yield ("regions",), "nothing is left to inspect: roi, ignore and mask together leave out the whole frame"
        return
    for index, (zone, (_, cells)) in enumerate(zip(regions.zones, plan.zones, strict=False)):
        path: KeyPath = ("regions", "zones", index)
        rules = (zone.min_defect_tiles, zone.min_area_px)
        if not cells.any():
            yield (*path, "polygon"), f"{zone.name} lies where nothing is inspected: ignored, masked or outside"
        else:
            yield from _unreachable(path, zone.name, rules, cells, manifest)
    rest = next((cells for name, cells in plan.zones if name == REST), None)
    if rest is not None:
        rules = (settings.decide.min_defect_tiles, settings.decide.min_area_px)
        yield from _unreachable(("decide",), "all that no zone touches", rules, rest, manifest)
    if regions.background is not None and regions.background.min_tiles > n_tiles:
        what = f"is {regions.background.min_tiles}, but {n_tiles} tiles are inspected: every part would be UNKNOWN"
        yield ("regions", "background", "min_tiles"), what


def _unreachable(
    path: KeyPath, name: str, rules: tuple[int, int], cells: Bools, manifest: Manifest
) -> Iterator[tuple[KeyPath, str]]:
    min_defect_tiles, min_area_px = rules
    n_tiles = int(cells.any(axis=(1, 2)).sum())
    if min_defect_tiles > n_tiles:
        what = f"is {min_defect_tiles}, but {name} lies in {n_tiles} tile(s): it would never reject a part"
        yield (*path, "min_defect_tiles"), what
    tile_h, tile_w = manifest.tile_hw
    if min_area_px > n_tiles * tile_h * tile_w:
        what = f"{min_area_px} px are more than the tiles of {name} have: it would never reject a part"
        yield (*path, "min_area_px"), what


def _polygon(points: Sequence[Sequence[int]]) -> Polygon:
    return tuple((x, y) for x, y in points)
