"""A metric whose values are told to it, because somebody else counts: the ledger, the camera, the disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Declared:
    """What a metric is, as the reference page lists it."""

    name: str
    """As on /metrics, a counter with its `_total`."""
    kind: Kind
    help: str
    labels: tuple[str, ...]


class Series:
    """The values of one counter or gauge by its labels. Not locked: the owner is.

    prometheus_client's own Counter can only be incremented; the counts here come as absolute numbers from where
    they are exact, so setting them is the only way that cannot drift. A counter that starts again at 0 with a new
    epoch is what Prometheus expects of a restart.
    """

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._values: dict[tuple[str, ...], float] = {}
        if declared.kind == "counter" and not declared.labels:
            self._values[()] = 0  # so that rate() sees the first event

    def set(self, value: float | None, *labels: str) -> None:
        """Set one value; None removes it, for a number that is not known now."""
        self._check(labels)
        if value is None:
            self._values.pop(labels, None)
        else:
            self._values[labels] = value

    def add(self, amount: float, *labels: str) -> None:
        """Add to one value."""
        self._check(labels)
        self._values[labels] = self._values.get(labels, 0) + amount

    def clear(self) -> None:
        """Remove all values."""
        self._values.clear()

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """Return the family with its values now."""
        kind = CounterMetricFamily if self._declared.kind == "counter" else GaugeMetricFamily
        family = kind(self._declared.name, self._declared.help, labels=self._declared.labels)
        for labels, value in self._values.items():
            family.add_metric(labels, value)
        return [family]

    def _check(self, labels: tuple[str, ...]) -> None:
        if len(labels) != len(self._declared.labels):
            raise ValueError(f"{self._declared.name} has labels {self._declared.labels}, got values {labels}")
