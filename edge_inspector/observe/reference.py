"""The reference page of the metrics, written from their declarations."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from edge_inspector.observe.metrics import LineMetrics

_HEAD = """# Metrics

Generated from `edge_inspector/observe/metrics.py`. The names are the same on `http://127.0.0.1:9560/metrics` and in
the `metrics` message of the telemetry endpoint, which the page is rendered from.

Three things to know when you build on them:

- `triggers_total == passes_total + rejects_total + unknowns_total + parts_in_flight` in every scrape. These come from
  the ledger in shared memory and are exact. `verdicts_total` says why, but is counted from the records that the
  inspect process hands over without ever waiting; what it could not hand over is in `handover_dropped_total`.
- Totals of the epoch go on over restarts of the daemon, other counters start again at 0: use `rate()` and `increase()`.
- A number that is not known is absent, not 0: alert on `absent()` where that matters.

| name | type | labels | what it says |
|---|---|---|---|
"""


def metrics_table() -> str:
    """Return docs/reference/metrics.md as it must be."""
    declared = LineMetrics(CollectorRegistry()).declared
    rows = [
        f"| `{each.name}` | {each.kind} | {', '.join(f'`{label}`' for label in each.labels)} | {each.help} |\n"
        for each in declared
    ]
    return _HEAD + "".join(rows)
