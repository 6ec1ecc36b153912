"""A line's metrics as the tests feed and read them."""

from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry

from edge_inspector.core.verdict import LineState, Stages, Totals
from edge_inspector.observe.figures import (
    CameraFigures,
    ConfigFigures,
    ImageFigures,
    JournalFigures,
    KeyFigures,
    LineFigures,
    ModelFigures,
)
from edge_inspector.observe.gpu_figures import GpuFigures, GpuWatchFigures
from edge_inspector.observe.metrics import LineMetrics
from edge_inspector.observe.snapshot import Family, snapshot

SamplesByName = dict[tuple[str, frozenset[tuple[str, str]]], float]


def make() -> tuple[CollectorRegistry, LineMetrics]:
    registry = CollectorRegistry()
    return registry, LineMetrics(registry, deadline_s=0.1)


def make_body(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "part_id": 987654321, "verdict": "REJECT", "reason": "defect", "score": 0.93, "label": "DEFECT",
        "latency_us": 42_000, "n_tiles": 7, "n_defect_tiles": 2, "evidence_id": "line1-987654321",
    }  # fmt: skip
    return body | changes


def by_name(families: list[Family]) -> SamplesByName:
    return {
        (family["name"] + suffix, frozenset(labels.items())): value
        for family in families
        for suffix, labels, value in family["samples"]
    }


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return by_name(snapshot(registry)).get((f"edge_inspector_{name}", frozenset(labels.items())))


def feed_everything(metrics: LineMetrics) -> None:
    zones = [{"name": "seal", "n_defect_tiles": 2, "verdict": "REJECT"}]
    metrics.observe_verdict(make_body(zones=zones), Stages(1_000_000, 2_000_000, 30_000_000, 4_000, 500_000))
    metrics.set_totals(Totals(triggers=9, passes=3, rejects=2, unknowns=1, lates=1))
    metrics.models.set("0.1.0", "line1", "default", [ModelFigures("cam0", "steel@1.0.0", "ab" * 32, "plant")])
    metrics.models.set_compiling(95.0)
    metrics.set_line(LineFigures(LineState.CONTINUOUS_EXECUTION, True, 6, True, 0.05, 2))
    metrics.faults.set(("camera",))
    metrics.set_camera("cam0", CameraFigures(True, 5, 1, 2, 3, 4, 1, 0.02))
    metrics.observe_image("cam0", ImageFigures(128.0, 4.5, 0.01, 0.02, ("brightness",)))
    metrics.set_baseline("cam0", True)
    metrics.set_queue("evidence", 1, 8)
    metrics.set_handover_dropped(3)
    metrics.set_process("inspect", restarts=1, resident_bytes=200_000_000)
    figures = SimpleNamespace(
        written=4, evicted=1, dropped={"disk_full": 2}, n_bytes=5_000, quota_bytes=9_000, free_bytes=10**12
    )
    metrics.keys.set(KeyFigures(2, True, {("service", "unknown_key"): 1}))
    metrics.set_evidence(figures, not_accepted=7)
    metrics.record.set_journal(JournalFigures(durable_seq=5, rows_refused=2, rows_late=1, n_bytes=12_000))
    metrics.record.set_service(
        SimpleNamespace(
            hello=1, status=2, replay=3, ack=4, bad_requests=5, busy=6, replayed=7, gaps=8, postponed=9, unsent=10,
            handshakes_failed=11, disconnected=12, damaged_segments=13, cut=14,
        )
    )  # fmt: skip
    metrics.record.set_consumers({"gate-1": 4}, {"fired": 2})
    metrics.config.set(ConfigFigures("0a1b2c3d4e5f", {"applied": 1}, changed_utc_s=1_790_000_000.0))
    gpu = GpuFigures(
        0, False, "RTX", "GPU-1", 0.4, 2_000, 6_000, 54, throttled=("power_cap",), ecc_uncorrected=1, is_persistent=True
    )
    metrics.gpus.set(GpuWatchFigures([gpu, GpuFigures(1, is_lost=True)], 0.5, "580.65", "13.0"))
