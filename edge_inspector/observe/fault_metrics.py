"""The metric of why the line is not ready; declared by `observe.metrics` with all others."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from edge_inspector.observe.record_metrics import Declare

FAULTS = (
    "model",
    "recovering",
    "part_numbers",
    "journal",
    "camera",
    "camera_stalled",
    "resync",
    "image_health",
    "authenticator",
    "starting",
    "no_heartbeat",
)
"""Those of the heartbeat, and two that no heartbeat can say: there was none yet, there is none any more."""
OTHER = "other"


class FaultMetrics:
    """Each fault as a series of its own, 0 while it is not there, so that a rule sees it come and go."""

    def __init__(self, declare: Declare, lock: AbstractContextManager[Any]) -> None:
        """Declare; `lock` makes one moment of a scrape."""
        self._lock = lock
        self._fault = declare("gauge", "fault", "1 for each reason why the line is not ready, else 0", "fault")

    def set(self, faults: Iterable[str]) -> None:
        """Take over the faults of now; one that is not listed is counted as `other`."""
        now = {fault if fault in FAULTS else OTHER for fault in faults}
        with self._lock:
            for fault in (*FAULTS, OTHER):
                self._fault.set(fault in now, fault)
