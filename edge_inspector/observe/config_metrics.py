"""Metrics of the configuration in force; declared here, part of a line's metrics."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from edge_inspector.observe.figures import ConfigFigures
from edge_inspector.observe.record_metrics import Declare

RESULTS = ("applied", "refused", "unchanged", "broken")


class ConfigMetrics:
    """What is in force, and what became of what was asked for."""

    def __init__(self, declare: Declare, lock: AbstractContextManager[Any]) -> None:
        """Declare everything; `lock` makes one moment of a scrape."""
        self._lock = lock
        self._reloads = declare("counter", "config_reloads_total", "Reloads that were asked for", "result")
        self._info = declare("gauge", "config_info", "1; name of the configuration in force", "config")
        text = "When it was last changed while the line ran, seconds since 1970; absent before that"
        self._changed = declare("gauge", "config_changed_timestamp_seconds", text)

    def set(self, figures: ConfigFigures) -> None:
        """Take over what main says; a former configuration's series goes."""
        with self._lock:
            for result in RESULTS:
                self._reloads.set(figures.reloads.get(result, 0), result)
            self._info.clear()
            self._info.set(1, figures.config)
            self._changed.set(figures.changed_utc_s)
