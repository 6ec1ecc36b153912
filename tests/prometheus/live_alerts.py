"""Which alerts are not provoked in the live Prometheus, and why."""

from __future__ import annotations

BY_PROMTOOL_ALONE = {
    "EdgeInspectorAllPass": "needs a day of rejects and two hours without",
    "EdgeInspectorImageDrift": "compares with a week ago",
    "EdgeInspectorDiskLow": "the disk of the tests' computer is not theirs to fill",
    "EdgeInspectorClockNotSynced": "nobody may set the clock of the tests' computer",
}
"""Alert -> why not. What stands here is shown by `promtool test rules` all the same."""
