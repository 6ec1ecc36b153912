"""`drill:` whether a person may rehearse the line's failures, and for how long."""

from __future__ import annotations

from pydantic import Field

from edge_inspector.settings.section import Section


class DrillSettings(Section):
    """For `edge-inspector drill`: every message is flagged meanwhile, and gates release nothing on its word."""

    allowed: bool = True
    """false: nobody can switch drill mode on."""
    max_minutes: float = Field(default=30.0, gt=0.0, le=480.0)
    """Longest time for one drill; then the line goes back to work by itself."""
