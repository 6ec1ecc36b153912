"""Metrics with a registry of their own, for a composition root that need not know Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry

from edge_inspector.observe.metrics import LineMetrics
from edge_inspector.observe.snapshot import Family, snapshot


def fresh_metrics(deadline_s: float | None) -> tuple[LineMetrics, Callable[[], list[Family]]]:
    """Return the metrics of a line, and what takes a snapshot of them.

    Args:
        deadline_s: Trigger to deadline, for the latency buckets; None when there is none.
    """
    registry = CollectorRegistry()
    return LineMetrics(registry, deadline_s), partial(snapshot, registry)
