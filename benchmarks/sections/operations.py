"""A line that is left to itself: what it takes while idle, whether it grows, and what disturbs its verdicts."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.figures import Row
from benchmarks.operations.disturbed import disturbed_rows
from benchmarks.operations.growth import growth_rows
from benchmarks.operations.idle import idle_rows

SECTION = "operations"


def measure(bench: Bench) -> list[Row]:
    """Return the load of an idle line, its growth, and the way from decided to sent alone and disturbed."""
    return [*idle_rows(SECTION, bench), *disturbed_rows(SECTION, bench), *growth_rows(SECTION, bench)]
