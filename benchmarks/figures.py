"""Numbers of a benchmark: percentiles, sandwiches, rows with their bars. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure must reach."""

    limit: float
    is_most: bool
    """True when the figure must not be over the limit, False when it must not be under it."""

    def holds(self, value: float) -> bool:
        """Return whether a figure reaches the bar; NaN does not."""
        return value <= self.limit if self.is_most else value >= self.limit

    def __str__(self) -> str:
        return f"{'≤' if self.is_most else '≥'} {self.limit:g}"


def at_most(limit: float) -> Bar:
    """Return the bar of a figure that must not be over the limit."""
    return Bar(limit, is_most=True)


def at_least(limit: float) -> Bar:
    """Return the bar of a figure that must not be under the limit."""
    return Bar(limit, is_most=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of the table."""

    section: str
    name: str
    value: float | None
    """None when it could not be measured; the note says why."""
    unit: str = ""
    """Empty for a ratio, which means the same on every machine."""
    bar: Bar | None = None
    """None when the figure is only reported."""
    is_more_better: bool = False
    n: int = 1
    """How many measurements the value is the median of, or was pooled from."""
    low: float | None = None
    high: float | None = None
    """Smallest and largest of the `n`; None for a single one."""
    cpu_ms: float | None = None
    """CPU time of all processes per unit of work, in ms; None where it says nothing."""
    bare_cpu_ms: float | None = None
    """The same of what it is compared with."""
    note: str = ""
    grain: float = 0.0
    """A difference smaller than this is noise: counts and differences near 0 have no useful percentage."""

    @property
    def key(self) -> str:
        """Name under which another run's figure is found."""
        return f"{self.section}: {self.name}"

    @property
    def is_ratio(self) -> bool:
        """Whether the figure may be compared across machines."""
        return self.unit == ""

    @property
    def is_ok(self) -> bool | None:
        """Whether the bar is reached; None without a bar. A figure that is missing reaches no bar."""
        if self.bar is None:
            return None
        return self.value is not None and self.bar.holds(self.value)


@dataclass(frozen=True, slots=True)
class Window:
    """What one program did in one stretch of time."""

    per_s: float
    """Tiles a second."""
    cpu_ms: float
    """CPU time of all its processes per tile, in ms."""


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: a value that was measured, never one between two.

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values to take a percentile of")
    rank = max(1, math.ceil(percent / 100 * len(values)))
    return sorted(values)[rank - 1]


def sandwich_ratios(outer: Sequence[float], inner: Sequence[float]) -> list[float]:
    """Return each inner measurement over the mean of the outer ones before and after it.

    Args:
        outer: One more than `inner`, in the order of time.
        inner: What was measured between them.

    Raises:
        ValueError: The numbers of measurements do not make sandwiches.
    """
    if len(outer) != len(inner) + 1 or not inner:
        raise ValueError(f"{len(inner)} measurements between {len(outer)} are no sandwiches")
    return [filling * 2 / (outer[i] + outer[i + 1]) for i, filling in enumerate(inner)]


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return (median, smallest, largest)."""
    return statistics.median(values), min(values), max(values)
