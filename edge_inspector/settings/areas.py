"""Whether the areas of `regions:` can be meant as they are written. Geometry alone, without the bundle."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import KeyPath
from edge_inspector.settings.mask import read_mask
from edge_inspector.settings.regions import REST, AreaSettings, RegionSettings, RoiSettings

Found = tuple[KeyPath, str]
_Points = Sequence[Sequence[int]]
_Corner = tuple[int, int]


def wrong_areas(settings: LineSettings) -> Iterator[Found]:
    """Yield the key and what is wrong with it, for each area that cannot be meant so."""
    regions, frame = settings.regions, settings.camera.frame
    if regions is None:
        return
    if regions.roi is not None:
        yield from _roi(regions.roi, frame.width, frame.height)
    yield from _names(regions)
    for path, name, polygon in _polygons(regions):
        if what := polygon_fault(polygon, frame.width, frame.height):
            yield path, f"{name}: {what}"
    yield from _zones(regions)
    if regions.mask is not None:
        answer = read_mask(regions.mask, (frame.height, frame.width))
        if isinstance(answer, str):
            yield ("regions", "mask"), answer
    yield from _background(regions)


def polygon_fault(points: _Points, width: int, height: int) -> str | None:
    """Return why corners enclose no area of a frame of so many pixels; None when they do."""
    for x, y in points:
        if x > width or y > height:
            return f"[{x}, {y}] lies outside the frame of {width}x{height} px"
    corners = [(x, y) for x, y in points]
    if len(set(corners)) < len(corners):
        twice = next(corner for corner in corners if corners.count(corner) > 1)
        return f"{list(twice)} stands twice; the last corner is joined with the first without being repeated"
    edges = list(zip(corners, [*corners[1:], corners[0]], strict=True))
    for (i, one), (j, other) in itertools.combinations(enumerate(edges), 2):
        is_next = j == i + 1 or (i == 0 and j == len(edges) - 1)
        if _meet(*one, *other) if not is_next else _folds_back(one, other):
            return f"the edge from {_told(one)} meets the one from {_told(other)}; list the corners in order around it"
    if _double_area(corners) == 0:
        return "all its corners lie on one line: it encloses nothing"
    return None


def _roi(roi: RoiSettings, width: int, height: int) -> Iterator[Found]:
    if roi.x + roi.width > width or roi.y + roi.height > height:
        what = (
            f"reaches to x={roi.x + roi.width}, y={roi.y + roi.height}, outside the frame of {width}x{height} px; "
            "make it smaller or leave it out for the whole frame"
        )
        yield ("regions", "roi"), what


def _names(regions: RegionSettings) -> Iterator[Found]:
    taken: dict[str, KeyPath] = {}
    for kind, areas in _lists(regions):
        for index, area in enumerate(areas):
            path: KeyPath = ("regions", kind, index, "name")
            if area.name == REST and kind == "zones":
                yield path, f"{REST} is the name of all that no zone touches; choose another"
            elif area.name in taken:
                yield path, f"the name {area.name} is taken by another area; each needs its own"
            taken.setdefault(area.name, path)


def _polygons(regions: RegionSettings) -> Iterator[tuple[KeyPath, str, _Points]]:
    for kind, areas in _lists(regions):
        for index, area in enumerate(areas):
            yield ("regions", kind, index, "polygon"), area.name, area.polygon


def _lists(regions: RegionSettings) -> tuple[tuple[str, Sequence[AreaSettings]], ...]:
    return ("ignore", regions.ignore), ("zones", regions.zones)


def _zones(regions: RegionSettings) -> Iterator[Found]:
    roi = regions.roi
    if roi is None:
        return
    for index, zone in enumerate(regions.zones):
        for x, y in zone.polygon:
            if not (roi.x <= x <= roi.x + roi.width and roi.y <= y <= roi.y + roi.height):
                what = f"{zone.name}: [{x}, {y}] lies outside regions.roi, where nothing is inspected"
                yield ("regions", "zones", index, "polygon"), what
                break


def _background(regions: RegionSettings) -> Iterator[Found]:
    background = regions.background
    if background is None:
        return
    path = ("regions", "background")
    if (background.darker_than is None) == (background.brighter_than is None):
        yield path, "needs exactly one of darker_than and brighter_than: what lies beside the web"


def _meet(a: Sequence[int], b: Sequence[int], c: Sequence[int], d: Sequence[int]) -> bool:
    """Return whether two edges share a point."""
    sides = (_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b))
    if sides[0] != sides[1] and sides[2] != sides[3]:
        return True
    on_edge = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(turn == 0 and _is_between(*points) for turn, points in zip(sides, on_edge, strict=True))


def _folds_back(one: tuple[_Corner, _Corner], other: tuple[_Corner, _Corner]) -> bool:
    """Return whether two edges that follow each other lie on one another."""
    shared = next(corner for corner in one if corner in other)
    a = one[0] if one[1] == shared else one[1]
    b = other[0] if other[1] == shared else other[1]
    towards = (a[0] - shared[0]) * (b[0] - shared[0]) + (a[1] - shared[1]) * (b[1] - shared[1])
    return _turn(shared, a, b) == 0 and towards > 0


def _turn(a: Sequence[int], b: Sequence[int], c: Sequence[int]) -> int:
    cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return (cross > 0) - (cross < 0)


def _is_between(a: Sequence[int], b: Sequence[int], c: Sequence[int]) -> bool:
    return all(min(a[axis], b[axis]) <= c[axis] <= max(a[axis], b[axis]) for axis in (0, 1))


def _double_area(corners: Sequence[_Corner]) -> int:
    following = [*corners[1:], corners[0]]
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(corners, following, strict=True)))


def _told(edge: tuple[_Corner, _Corner]) -> str:
    return f"{list(edge[0])} to {list(edge[1])}"
