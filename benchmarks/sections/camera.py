"""A GenICam camera, simulated: the camera process beside bare Harvesters, its latency, its bystanders, its losses."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.cameras.latency import bystander_row, latency_rows
from benchmarks.cameras.loss import loss_rows
from benchmarks.cameras.rate import rate_row
from benchmarks.cameras.rig import AREA, STRIP
from benchmarks.figures import Row

SECTION = "camera"


def measure(bench: Bench) -> list[Row]:
    """Return how much of bare Harvesters is left, how late frames and bystanders are, and what a loss takes."""
    return [
        *(rate_row(SECTION, bench, shape) for shape in (STRIP, AREA)),
        *latency_rows(SECTION, bench),
        bystander_row(SECTION, bench),
        *loss_rows(SECTION, bench),
    ]
