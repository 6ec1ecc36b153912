"""`decide:` from tile scores to a verdict."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edge_inspector.settings.section import Section


class DecideSettings(Section):
    """Limits and rules. A tile at its limit counts: limits reject, they do not pass."""

    limits: dict[str, Annotated[float, Field(gt=0.0, le=1.0)]] = Field(default={})
    """Score from which a tile counts as that defect label; a label left out keeps the bundle's own limit."""
    min_defect_tiles: int = Field(default=1, ge=1, le=10000)
    """Tiles at or over their limit that reject a part; fewer pass it as `below_area`, counted apart."""
    min_area_px: int = Field(default=0, ge=0)
    """Area of the defect boxes, in pixels of the frame, from which a part is rejected; 0 for any."""
    deadline_ms: float | None = Field(default=None, gt=0.0, le=60000.0)
    """Time from the trigger to the latest useful verdict; a later one is UNKNOWN `deadline`. null for none."""
