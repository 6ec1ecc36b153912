"""What the page shows of GPUs: what is known, and nothing that is not."""

from __future__ import annotations

import pytest
from metrics_samples import by_name, make, value
from prometheus_client import CollectorRegistry

from edge_inspector.observe.gpu_figures import OTHER_REASON, THROTTLE_REASONS, GpuFigures, GpuWatchFigures
from edge_inspector.observe.metrics import LineMetrics
from edge_inspector.observe.snapshot import snapshot

FULL = GpuFigures(0, False, "RTX", "GPU-1", 0.4, 2_000, 6_000, 54, ("thermal_hw", OTHER_REASON), 1, True)
NUMBERS = {
    "gpu_utilization_ratio": 0.4,
    "gpu_memory_used_bytes": 2_000,
    "gpu_memory_total_bytes": 6_000,
    "gpu_temperature_celsius": 54,
    "gpu_ecc_uncorrected_total": 1,
    "gpu_lost": 0,
}


@pytest.fixture
def line() -> tuple[CollectorRegistry, LineMetrics]:
    return make()


def shown(registry: CollectorRegistry) -> set[str]:
    """Return the names of all metrics of GPUs that have a value."""
    return {name.removeprefix("edge_inspector_") for name, _ in by_name(snapshot(registry)) if "_gpu_" in name}


def test_a_line_without_a_gpu_shows_none(line: tuple[CollectorRegistry, LineMetrics]) -> None:
    assert shown(line[0]) == set()


@pytest.mark.parametrize("name", NUMBERS)
def test_each_number_is_the_metric_of_its_name(line: tuple[CollectorRegistry, LineMetrics], name: str) -> None:
    registry, metrics = line
    metrics.gpus.set(GpuWatchFigures([FULL], 0.5, "580.65", "13.0"))

    assert value(registry, name, gpu="0") == NUMBERS[name]
    assert value(registry, "gpu_sample_age_seconds") == 0.5
    labels = {"gpu": "0", "product": "RTX", "uuid": "GPU-1", "driver": "580.65", "cuda": "13.0"}
    assert value(registry, "gpu_info", **labels) == 1


def test_every_reason_to_be_slow_has_its_series_so_that_a_rule_sees_it_come_and_go(
    line: tuple[CollectorRegistry, LineMetrics],
) -> None:
    registry, metrics = line
    metrics.gpus.set(GpuWatchFigures([FULL], 0.5))

    found = {reason: value(registry, "gpu_throttled", gpu="0", reason=reason)
             for reason in (*THROTTLE_REASONS, OTHER_REASON)}  # fmt: skip

    assert {reason for reason, on in found.items() if on} == {"thermal_hw", OTHER_REASON}
    assert None not in found.values()


def test_what_a_gpu_does_not_tell_is_absent(line: tuple[CollectorRegistry, LineMetrics]) -> None:
    registry, metrics = line
    metrics.gpus.set(GpuWatchFigures([FULL], 0.5))
    metrics.gpus.set(GpuWatchFigures([GpuFigures(0, name="Orin", temperature_c=40)], 0.5))

    assert shown(registry) == {"gpu_info", "gpu_temperature_celsius", "gpu_lost", "gpu_sample_age_seconds"}


def test_of_a_lost_gpu_nothing_is_known_but_that(line: tuple[CollectorRegistry, LineMetrics]) -> None:
    registry, metrics = line
    metrics.gpus.set(GpuWatchFigures([FULL], 0.5))
    metrics.gpus.set(GpuWatchFigures([GpuFigures(0, is_lost=True)], 1.5))

    assert shown(registry) == {"gpu_lost", "gpu_sample_age_seconds"}
    assert value(registry, "gpu_lost", gpu="0") == 1


def test_an_old_sample_leaves_its_age_alone(line: tuple[CollectorRegistry, LineMetrics]) -> None:
    registry, metrics = line
    metrics.gpus.set(GpuWatchFigures([FULL], 0.5))
    metrics.gpus.set(GpuWatchFigures((), 7.0))

    assert shown(registry) == {"gpu_sample_age_seconds"}

    metrics.gpus.set(GpuWatchFigures((), None))
    assert shown(registry) == set()
