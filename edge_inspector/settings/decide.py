"""`decide:` from tile scores to a verdict."""

from __future__ import annotations

from pydantic import Field

from edge_inspector.settings.views import RuleSettings


class DecideSettings(RuleSettings):
    """Limits and rules. A tile at its limit counts: limits reject, they do not pass."""

    deadline_ms: float | None = Field(default=None, gt=0.0, le=60000.0)
    """Time from the trigger to the latest useful verdict; a later one is UNKNOWN `deadline`. null for none."""
