"""`regions:` where in the frame is looked, and how strictly."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from edge_inspector.settings.section import AnyPath, Section

REST = "rest"
"""Name of the zone of all inspected places that no named zone touches."""


def _corners(value: object) -> object:
    points = value if isinstance(value, list) else []
    if len(points) < 3 or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise PydanticCustomError(
            "words", "must be a list of at least 3 corners, each [x, y], such as [[0, 0], [120, 0], [120, 60]]"
        )
    return value


Coordinate = Annotated[int, Field(ge=0, le=65536)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
Polygon = Annotated[list[Point], Field(min_length=3, max_length=200), BeforeValidator(_corners)]
"""Corners in order, each [x, y] in pixels of the frame; the last is joined with the first."""
AreaName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]


class RoiSettings(Section):
    """The rectangle that is inspected; the tiles are laid over it alone."""

    x: int = Field(default=0, ge=0, le=65536)
    """Left edge, in pixels of the frame."""
    y: int = Field(default=0, ge=0, le=65536)
    """Upper edge, in pixels of the frame."""
    width: int = Field(ge=1, le=65536)
    """Pixels; at least a tile."""
    height: int = Field(ge=1, le=65536)
    """Pixels; at least a tile."""


class AreaSettings(Section):
    """An area of the frame; in `ignore` one that is never inspected, such as a clamp."""

    name: AreaName
    """Name in verdicts, metrics and pictures: lower-case letters, digits and dashes; not `rest`."""
    polygon: Polygon
    """Corners as `[[x, y], [x, y], ...]` in pixels of the frame; its edge belongs to it."""


class ZoneSettings(AreaSettings):
    """An area with rules of its own."""

    limits: dict[str, Annotated[float, Field(gt=0.0, le=1.0)]] = Field(default={})
    """Score from which a tile counts here, by label; a label left out keeps the limit of `decide:` or the bundle."""
    min_defect_tiles: int = Field(default=1, ge=1, le=10000)
    """Tiles at or over their limit in this zone that reject the part."""
    min_area_px: int = Field(default=0, ge=0)
    """Area of the defect boxes that reach into this zone, in pixels, from which the part is rejected; 0 for any."""


class BackgroundSettings(Section):
    """What lies beside an endless web. Tiles of it are skipped, from both ends of a row inward."""

    darker_than: int | None = Field(default=None, ge=1, le=255)
    """A pixel is background when each of its values is below this (0 to 255); or give `brighter_than`."""
    brighter_than: int | None = Field(default=None, ge=0, le=254)
    """A pixel is background when each of its values is above this; or give `darker_than`."""
    share: float = Field(default=0.98, gt=0.5, le=1.0)
    """Share of a tile's pixels that must be background for the tile to be skipped."""
    min_tiles: int = Field(default=1, ge=1, le=10000)
    """With fewer tiles left than this the part is UNKNOWN `image_health`."""


class RegionSettings(Section):
    """Where in the frame is looked, and how strictly. Points are [x, y] in pixels of the frame."""

    roi: RoiSettings | None = None
    """Left out: the whole frame."""
    ignore: list[AreaSettings] = Field(default=[], max_length=100)
    """Areas that are never inspected, each with `name` and `polygon`."""
    mask: AnyPath | None = None
    """PNG of the frame's size, black (0) where nothing is inspected, white (255) elsewhere; relative to this file."""
    zones: list[ZoneSettings] = Field(default=[], max_length=32)
    """Areas with rules of their own: `name`, `polygon`, `limits`, `min_defect_tiles`, `min_area_px`."""
    background: BackgroundSettings | None = None
    """Left out: every tile is inspected."""
