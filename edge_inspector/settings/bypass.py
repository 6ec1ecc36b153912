"""`bypass:` whether a person may let defects pass for a while, and for how long."""

from __future__ import annotations

from pydantic import Field

from edge_inspector.settings.section import Section


class BypassSettings(Section):
    """For set-up and teaching: `edge-inspector bypass on` lets judged parts pass, flagged in every message."""

    allowed: bool = True
    """false: `edge-inspector bypass on` is refused."""
    max_minutes: float = Field(default=60.0, gt=0.0, le=480.0)
    """Longest time for one `bypass on`; then the line rejects again by itself."""
