"""Every metric of a line, declared here and nowhere else."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Histogram, Metric

from edge_inspector.core.verdict import LineState, Outcome, Reason, Stages, Totals
from edge_inspector.decide.image_health import CHECKS
from edge_inspector.observe.config_metrics import ConfigMetrics
from edge_inspector.observe.fault_metrics import FaultMetrics
from edge_inspector.observe.figures import CameraFigures, EvidenceFigures, ImageFigures, LineFigures, zones_of
from edge_inspector.observe.gpu_metrics import GpuMetrics
from edge_inspector.observe.key_metrics import KeyMetrics
from edge_inspector.observe.model_metrics import ModelMetrics
from edge_inspector.observe.record_metrics import RecordMetrics
from edge_inspector.observe.series import Declared, Kind, Series

PREFIX = "edge_inspector_"
Queue = Literal["ring", "slots", "handover", "evidence"]
Process = Literal["camera", "inspect", "main"]
STAGES = ("grab", "tile", "infer", "decide", "publish")

REASONS: dict[Outcome, tuple[Reason, ...]] = {
    Outcome.PASS: (Reason.OK, Reason.BELOW_AREA, Reason.BYPASS),
    Outcome.REJECT: (Reason.DEFECT,),
}
REASONS[Outcome.UNKNOWN] = tuple(r for r in Reason if not any(r in known for known in REASONS.values()))
UNLISTED = ("UNKNOWN", "unlisted")  # where a verdict or reason outside the closed list is counted

STAGE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)  # 1 ms is a cut, 100 ms a slow model
LATENCY_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)  # without a deadline
DEADLINE_SHARES = (0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.2, 2.0)  # close together where the deadline is at stake
SCORE_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)  # both ends matter: drift shows there first
MAX_LABELS = 32  # a bundle's labels; a model that sends more must not fill Prometheus


class LineMetrics:
    """The numbers of one line, fed by the main process from verdict records, ledger totals and heartbeats.

    Any thread may feed it; one lock makes every scrape a single moment, so that triggers == passes + rejects +
    unknowns + in flight holds in each of them. Part numbers never become labels.
    """

    def __init__(self, registry: CollectorRegistry, deadline_s: float | None = None) -> None:
        """Declare everything and register it.

        Args:
            registry: A fresh one: this object is its only collector.
            deadline_s: Trigger to deadline; sets the latency buckets around it. None when there is no deadline.
        """
        self._lock = threading.Lock()
        self._parts: list[Series | Histogram] = []
        self._labels_seen: set[str] = set()
        self.declared: list[Declared] = []
        """Every metric in the order of this file, for the reference page."""
        self._declare_parts(deadline_s)
        self._declare_line()
        self._declare_camera()
        self._declare_images()
        self._declare_processes()
        self._declare_evidence()
        self.faults = FaultMetrics(self._series, self._lock)
        self.models = ModelMetrics(self._series, self._lock)
        self.keys = KeyMetrics(self._series, self._lock)
        self.record = RecordMetrics(self._series, self._lock)
        self.config = ConfigMetrics(self._series, self._lock)
        self.gpus = GpuMetrics(self._series, self._lock)
        registry.register(self)

    def _declare_parts(self, deadline_s: float | None) -> None:
        total = self._series
        self._triggers = total("counter", "triggers_total", "Triggers counted at the camera, exact, of this epoch")
        self._passes = total("counter", "passes_total", "Parts with verdict PASS, exact, of this epoch")
        self._rejects = total("counter", "rejects_total", "Parts with verdict REJECT, exact, of this epoch")
        self._unknowns = total("counter", "unknowns_total", "Parts with verdict UNKNOWN, exact, of this epoch")
        self._lates = total("counter", "verdicts_late_total", "Verdicts given after their deadline, exact")
        self._in_flight = total("gauge", "parts_in_flight", "Triggers that have no verdict yet")
        self._verdicts = total(
            "counter", "verdicts_total", "Verdicts by reason; lacks handover_dropped_total", "verdict", "reason"
        )
        for outcome, reasons in REASONS.items():
            for reason in reasons:
                self._verdicts.add(0, outcome.value, reason.value)
        self._tiles = total("counter", "tiles_total", "Tiles judged")
        self._defect_tiles = total("counter", "defect_tiles_total", "Tiles at or over their limit")
        self._zone_rejects = total("counter", "zone_rejects_total", "Parts that a zone rejects", "zone")
        self._zone_tiles = total("counter", "zone_defect_tiles_total", "Tiles at or over the limit of a zone", "zone")
        self._score = self._histogram("score", "Highest defect score of a part", SCORE_BUCKETS, "label")
        buckets = LATENCY_BUCKETS if deadline_s is None else [round(share * deadline_s, 6) for share in DEADLINE_SHARES]
        self._latency = self._histogram("trigger_to_verdict_seconds", "Trigger to the send of the verdict", buckets)
        text = "Time of one part in one stage; stages that did not run are left out"
        self._stage = self._histogram("stage_duration_seconds", text, STAGE_BUCKETS, "stage")
        for stage in STAGES:
            self._stage.labels(stage)

    def _declare_line(self) -> None:
        gauge = self._series
        self._state = gauge("gauge", "state", "1 for the state the line is in (OPC 40100-1), else 0", "state")
        self._ready = gauge("gauge", "ready", "1 while inspecting and trustworthy")
        self._heartbeat_age = gauge("gauge", "heartbeat_age_seconds", "Time since the last heartbeat was sent")
        self._head_seq = gauge("gauge", "journal_head_seq", "Highest seq given in this epoch")
        self._clock = gauge("gauge", "clock_synced", "1 while the clock of this computer is synchronised")
        self._subscribers = gauge("gauge", "subscribers", "Clients that subscribed to the verdicts")
        self._bypass = gauge("gauge", "bypass", "1 while a person lets defects pass (set-up, teaching)")
        self._bypass_left = gauge("gauge", "bypass_seconds_left", "Time until bypass ends by itself, 0 while off")
        self._drill = gauge("gauge", "drill_seconds_left", "Time until drill mode ends by itself, 0 while at work")

    def _declare_camera(self) -> None:
        def of_camera(kind: Literal["counter", "gauge"], name: str, text: str) -> Series:
            return self._series(kind, name, text, "camera")

        self._connected = of_camera("gauge", "camera_connected", "1 while the camera is armed and delivering")
        self._reconnects = of_camera("counter", "camera_reconnects_total", "Times the camera was found again")
        self._frame_age = of_camera("gauge", "last_frame_age_seconds", "Time since the last complete frame")
        self._frames = of_camera("counter", "frames_total", "Complete frames")
        self._incomplete = of_camera("counter", "frames_incomplete_total", "Frames with packets missing")
        self._lost = of_camera("counter", "frames_lost_total", "Gaps in the camera's frame numbers")
        self._invalid = of_camera("counter", "frames_invalid_total", "Frames of wrong size, format or unreadable")
        self._overrun = of_camera("counter", "frames_overrun_total", "Frames for which there was no room")
        self._encoder = of_camera("counter", "encoder_faults_total", "Parts whose place on the line was not believed")
        self._discarded = of_camera("counter", "buffers_discarded_total", "Buffers that came twice or out of turn")

    def _declare_images(self) -> None:
        def of_camera(name: str, text: str) -> Series:
            return self._series("gauge", name, text, "camera")

        self._light = of_camera("image_brightness", "Mean grey value of the newest picture, 0 to 255")
        self._sharp = of_camera("image_sharpness", "Mean grey difference between its neighbouring pixels")
        self._dark = of_camera("image_dark_share", "Share of its pixels at grey 5 or below")
        self._bright = of_camera("image_bright_share", "Share of its pixels with a channel at 250 or above")
        self._baseline = of_camera("image_baseline", "1 if focus and brightness are compared with a baseline")
        text = "Pictures in which a check found something"
        self._troubles = self._series("counter", "image_troubles_total", text, "check")
        for check in CHECKS:
            self._troubles.add(0, check)

    def _declare_processes(self) -> None:
        value = self._series
        self._depth = value("gauge", "queue_depth", "Items waiting in a bounded queue", "stage")
        self._capacity = value("gauge", "queue_capacity", "Items the queue holds before it drops", "stage")
        self._handover = value("counter", "handover_dropped_total", "Verdict records that metrics never saw")
        self._restarts = value("counter", "process_restarts_total", "Times a process was replaced", "process")
        self._memory = value("gauge", "process_resident_bytes", "Memory of a process", "process")

    def _declare_evidence(self) -> None:
        value = self._series
        self._ev_written = value("counter", "evidence_written_total", "Parts whose evidence was kept")
        self._ev_evicted = value("counter", "evidence_evicted_total", "Parts whose evidence made room for newer")
        self._ev_dropped = value("counter", "evidence_dropped_total", "Parts whose evidence was not kept", "reason")
        self._ev_bytes = value("gauge", "evidence_bytes", "Bytes in the evidence folder")
        self._ev_quota = value("gauge", "evidence_quota_bytes", "Bytes it may hold")
        self._disk_free = value("gauge", "disk_free_bytes", "Free bytes on the disk of the evidence folder")

    def observe_verdict(self, body: Mapping[str, Any], stages: Stages | None) -> None:
        """Take in one verdict record.

        Args:
            body: The verdict body of the wire protocol.
            stages: How long its stages took; 0 for a stage that did not run. None when not known.
        """
        verdict, reason = str(body.get("verdict")), str(body.get("reason"))
        is_listed = verdict in Outcome.__members__ and reason in REASONS[Outcome(verdict)]
        score, latency_us = body.get("score"), body.get("latency_us")
        with self._lock:
            self._verdicts.add(1, *((verdict, reason) if is_listed else UNLISTED))
            self._tiles.add(body.get("n_tiles") or 0)
            self._defect_tiles.add(body.get("n_defect_tiles") or 0)
            for name, zone in zones_of(body):
                self._zone_rejects.add(zone["verdict"] == "REJECT", name)
                self._zone_tiles.add(zone["n_defect_tiles"], name)
            if isinstance(score, int | float) and math.isfinite(score):  # one NaN would stay in the sum for ever
                self._score.labels(self._bounded_label(str(body.get("label")))).observe(score)
            if isinstance(latency_us, int | float) and latency_us >= 0:
                self._latency.observe(latency_us / 1e6)
            for stage in STAGES if stages is not None else ():
                if (took_ns := getattr(stages, f"{stage}_ns")) > 0:
                    self._stage.labels(stage).observe(took_ns / 1e9)

    def observe_image(self, camera: str, figures: ImageFigures) -> None:
        """Take in what one picture of a camera said of itself."""
        with self._lock:
            self._light.set(figures.brightness, camera)
            self._sharp.set(figures.sharpness, camera)
            self._dark.set(figures.dark_share, camera)
            self._bright.set(figures.bright_share, camera)
            for check in figures.troubles:
                self._troubles.add(1, check)

    def set_baseline(self, camera: str, is_there: bool) -> None:
        """Say whether a camera's pictures are compared with a baseline."""
        with self._lock:
            self._baseline.set(is_there, camera)

    def set_totals(self, totals: Totals) -> None:
        """Take over the ledger's counts of the epoch: absolute, so nothing that was dropped can make them wrong."""
        with self._lock:
            self._triggers.set(totals.triggers)
            self._passes.set(totals.passes)
            self._rejects.set(totals.rejects)
            self._unknowns.set(totals.unknowns)
            self._lates.set(totals.lates)
            self._in_flight.set(totals.in_flight)

    def set_line(self, figures: LineFigures) -> None:
        """Take over state and heartbeat."""
        with self._lock:
            for state in LineState:
                self._state.set(state is figures.state, state.wire_name)
            self._ready.set(figures.is_ready)
            self._heartbeat_age.set(figures.heartbeat_age_s)
            self._head_seq.set(figures.head_seq)
            self._clock.set(figures.is_clock_synced)
            self._subscribers.set(figures.subscribers)
            self._bypass.set(figures.bypass_left_s > 0)
            self._bypass_left.set(_tenths(figures.bypass_left_s))
            self._drill.set(_tenths(figures.drill_left_s))

    def set_camera(self, camera: str, figures: CameraFigures) -> None:
        """Take over what one camera says of itself; `camera` is its configured name."""
        with self._lock:
            self._connected.set(figures.is_connected, camera)
            self._reconnects.set(figures.reconnects, camera)
            self._frame_age.set(figures.last_frame_age_s, camera)
            self._frames.set(figures.frames, camera)
            self._incomplete.set(figures.incomplete, camera)
            self._lost.set(figures.lost, camera)
            self._invalid.set(figures.invalid, camera)
            self._overrun.set(figures.overrun, camera)
            self._encoder.set(figures.encoder, camera)
            self._discarded.set(figures.discarded, camera)

    def set_queue(self, queue: Queue, depth: int, capacity: int) -> None:
        """Take over how full a queue is."""
        with self._lock:
            self._depth.set(depth, queue)
            self._capacity.set(capacity, queue)

    def set_handover_dropped(self, dropped: int) -> None:
        """Take over how many verdict records never reached `observe_verdict`."""
        with self._lock:
            self._handover.set(dropped)

    def set_process(self, process: Process, restarts: int, resident_bytes: int | None) -> None:
        """Take over what the supervisor knows of a process; None when its memory cannot be read."""
        with self._lock:
            self._restarts.set(restarts, process)
            self._memory.set(resident_bytes, process)

    def set_evidence(self, figures: EvidenceFigures, not_accepted: int) -> None:
        """Take over the evidence store's counts; `not_accepted` were dropped before it, because its queue was full."""
        with self._lock:
            self._ev_written.set(figures.written)
            self._ev_evicted.set(figures.evicted)
            for reason, count in figures.dropped.items():
                self._ev_dropped.set(count, reason)
            self._ev_dropped.set(not_accepted, "queue_full")
            self._ev_bytes.set(figures.n_bytes)
            self._ev_quota.set(figures.quota_bytes)
            self._disk_free.set(figures.free_bytes)

    def collect(self) -> Iterable[Metric]:
        """Return all families as they stand at one moment (prometheus_client calls this)."""
        with self._lock:
            return [family for part in self._parts for family in part.collect()]

    def _series(self, kind: Literal["counter", "gauge"], name: str, text: str, *labels: str) -> Series:
        series = Series(self._declare(kind, name, text, labels))
        self._parts.append(series)
        return series

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        declared = self._declare("histogram", name, text, labels)
        histogram = Histogram(declared.name, text, labels, buckets=buckets, registry=None)
        self._parts.append(histogram)
        return histogram

    def _declare(self, kind: Kind, name: str, text: str, labels: tuple[str, ...]) -> Declared:
        declared = Declared(PREFIX + name, kind, text, labels)
        self.declared.append(declared)
        return declared

    def _bounded_label(self, label: str) -> str:
        if label not in self._labels_seen and len(self._labels_seen) >= MAX_LABELS:
            return "other"
        self._labels_seen.add(label)
        return label


def _tenths(seconds: float) -> float:
    """Return a time that is left, rounded up: it is 0 only when nothing is left."""
    return math.ceil(seconds * 10) / 10
