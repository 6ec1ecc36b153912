"""The numbers of one moment, as telemetry carries them and as the HTTP page shows them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypedDict

from prometheus_client import CollectorRegistry, Metric, generate_latest

Sample = tuple[str, dict[str, str], float]
"""Suffix after the family's name (empty, `_bucket`, `_sum`, `_count`), labels, finite value."""


class Family(TypedDict):
    """One family of the `metrics` message. `name + suffix` is the name of a sample on /metrics."""

    name: str
    """As in the TYPE line of /metrics: a counter's ends in `_total`."""
    type: str
    """`counter`, `gauge` or `histogram`."""
    help: str
    samples: Sequence[Sample]


def snapshot(registry: CollectorRegistry) -> list[Family]:
    """Return every family as it stands now, ready for JSON: no NaN, no infinity, whole numbers as integers.

    A value that is not finite is left out: no number is better than a wrong one. So are the `_created` times of
    prometheus_client, which no two collectors of the same snapshot would need.
    """
    return [_family(metric) for metric in registry.collect()]


def render(families: Iterable[Family]) -> bytes:
    """Return the Prometheus text page of exactly these families, UTF-8.

    Raises:
        ValueError: A name or type that Prometheus does not know.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Played([_metric(family) for family in families]))
    return generate_latest(registry)


class _Played:
    """A collector that gives what it was given."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Sequence[Metric]:
        return self._metrics


def _family(metric: Metric) -> Family:
    name = metric.name + "_total" if metric.type == "counter" else metric.name
    samples = [
        (sample.name.removeprefix(name), dict(sample.labels), _plain(sample.value))
        for sample in metric.samples
        if math.isfinite(sample.value) and not sample.name.endswith("_created")
    ]
    return Family(name=name, type=metric.type, help=metric.documentation, samples=samples)


def _metric(family: Family) -> Metric:
    # generate_latest adds the `_total` of a counter itself.
    metric = Metric(family["name"].removesuffix("_total"), family["help"], family["type"])
    if family["type"] != "counter":
        metric.name = family["name"]
    for suffix, labels, value in family["samples"]:
        metric.add_sample(family["name"] + suffix, labels, value)
    return metric


def _plain(value: float) -> float:
    # Beyond 2^53 a float no longer holds every whole number, and JSON readers use floats.
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else value
