"""Metrics in main: one snapshot a second, the same for telemetry and for the page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge_inspector.app.gpu_watch import GpuWatch, new_gpu_watch
from edge_inspector.app.keeping import EvidenceKeeper
from edge_inspector.app.outlet import Outlet
from edge_inspector.app.plans import named_model
from edge_inspector.app.ready import ReadyView
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.logs import get_log
from edge_inspector.core.verdict import LineState, Stages, Totals
from edge_inspector.observe.figures import (
    CameraFigures,
    ConfigFigures,
    ImageFigures,
    KeyFigures,
    LineFigures,
    ModelFigures,
)
from edge_inspector.observe.fresh import fresh_metrics
from edge_inspector.observe.metrics import LineMetrics
from edge_inspector.observe.record_metrics import RecordMetrics
from edge_inspector.observe.snapshot import Family
from edge_inspector.run.child import Child
from edge_inspector.run.memory import CameraStatus, CameraWord, LineMemory, Word
from edge_inspector.run.scheduling import may_raise, priority_refused
from edge_inspector.run.watch import Watched
from edge_inspector.settings.line import LineSettings

log = get_log(__name__)

_OF_A_VERDICT = ("part_id", "seq", "camera", "verdict", "reason", "latency_us")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
CAMERA_MB = 768
"""What a camera process may take besides its buffers: it starts with a tenth of that, and some producers leak."""


@dataclass(frozen=True, slots=True)
class Children:
    """The processes that main keeps alive."""

    cameras: Sequence[Watched]
    """In the order of the cameras."""
    inspect: Watched


class Reporter:
    """Reads the shared memory and the supervisor, fills the metrics. Owned by main's loop."""

    def __init__(
        self,
        metrics: LineMetrics,
        take: Callable[[], list[Family]],
        memory: LineMemory,
        cameras: Sequence[str],
        keys: Callable[[], KeyFigures | None] = lambda: None,
        record: Callable[[RecordMetrics], None] = lambda _: None,
        faults: Callable[[], Iterable[str]] = tuple,
        name_recipe: Callable[[str], None] = lambda _: None,
        gpus: GpuWatch | None = None,
    ) -> None:
        self._name_recipe, self._recipe = name_recipe, ""
        self._metrics, self._take, self._memory, self._names, self._keys = metrics, take, memory, cameras, keys
        self._record, self._faults, self._gpus = record, faults, gpus

    def verdict(self, note: dict[str, Any]) -> None:
        """Take in one verdict note, and what its pictures said of themselves."""
        body = note["body"]
        log.debug("verdict", **{key: body.get(key) for key in _OF_A_VERDICT})
        self._metrics.observe_verdict(note["body"], Stages(*note["stages"]))
        for camera, figures in note.get("images", ()):
            self._metrics.observe_image(self._names[camera], ImageFigures(*figures))

    def settle(self, recipe: str, config: ConfigFigures, compiling_s: float = 0.0) -> None:
        """Take in what is in force, and how long the newest engine took to compile."""
        self._metrics.models.set_compiling(compiling_s)
        if recipe != self._recipe:
            self._recipe = recipe
            self._name_recipe(recipe)
        self._metrics.config.set(config)

    def snapshot(
        self,
        totals: Totals,
        state: LineState,
        is_ready: bool,
        children: Children,
        keeper: EvidenceKeeper | None,
        bypass_left_s: float = 0.0,
        drill_left_s: float = 0.0,
    ) -> list[Family]:
        """Return all families as they stand now."""
        metrics, read = self._metrics, self._memory.read
        heartbeat_ns = read(Word.HEARTBEAT_NS)
        metrics.set_totals(totals)
        metrics.set_line(
            LineFigures(
                state,
                is_ready,
                head_seq=totals.verdicts,
                is_clock_synced=bool(read(Word.CLOCK_SYNCED)),
                heartbeat_age_s=_age_s(heartbeat_ns),
                subscribers=read(Word.SUBSCRIBERS),
                bypass_left_s=bypass_left_s,
                drill_left_s=drill_left_s,
            )
        )
        metrics.faults.set(self._faults())
        self._set_cameras(children.cameras)
        self._set_queues(keeper)
        cameras = [_memory_of(child) for child in children.cameras]
        taken = None if None in cameras else sum(one for one in cameras if one is not None)
        metrics.set_process("camera", sum(child.restarts for child in children.cameras), taken)
        metrics.set_process("inspect", children.inspect.restarts, _memory_of(children.inspect))
        metrics.set_process("main", 0, _resident_bytes(os.getpid()))
        if (keys := self._keys()) is not None:
            metrics.keys.set(keys)
        self._record(metrics.record)
        if self._gpus is not None:
            metrics.gpus.set(self._gpus.turn())
        return self._take()

    def close(self) -> None:
        """Watch no GPU any more; what is known can still be asked for."""
        if self._gpus is not None:
            self._gpus.close()

    def _set_cameras(self, children: Sequence[Watched]) -> None:
        for name, memory, child in zip(self._names, self._memory.cameras, children, strict=True):
            read = memory.read
            figures = CameraFigures(
                is_connected=read(CameraWord.STATUS) in (CameraStatus.ARMED, CameraStatus.RESYNCING),
                frames=read(CameraWord.FRAMES),
                incomplete=read(CameraWord.FRAMES_INCOMPLETE),
                lost=read(CameraWord.FRAMES_LOST),
                invalid=read(CameraWord.FRAMES_INVALID),
                overrun=read(CameraWord.OVERRUNS),
                encoder=read(CameraWord.ENCODER_FAULTS),
                discarded=read(CameraWord.DISCARDED),
                reconnects=child.restarts,
                last_frame_age_s=_age_s(read(CameraWord.LAST_FRAME_NS)),
            )
            self._metrics.set_camera(name, figures)

    def _set_queues(self, keeper: EvidenceKeeper | None) -> None:
        read, cameras = self._memory.read, self._memory.cameras
        # The fullest: that one overruns first.
        waiting = [camera.read(CameraWord.HEAD) - camera.read(CameraWord.CONSUMED) for camera in cameras]
        fullest = max(range(len(cameras)), key=lambda place: waiting[place])
        self._metrics.set_queue("ring", max(0, waiting[fullest]), cameras[fullest].layout.records)
        self._metrics.set_handover_dropped(read(Word.HANDOVER_DROPPED))
        if keeper is not None:
            self._metrics.set_queue("evidence", keeper.mailbox.depth, keeper.mailbox.max_items)
            lost = keeper.mailbox.dropped + keeper.taken_back + read(Word.EVIDENCE_DROPPED)
            status = keeper.status()
            if status is not None:
                self._metrics.set_evidence(status, lost)


def new_reporter(settings: LineSettings, views: Sequence[ReadyView], memory: LineMemory, outlet: Outlet) -> Reporter:
    """Return the reporter of a line, with what it says of itself once."""
    deadline_ms = settings.deadline_ms
    metrics, take = fresh_metrics(None if deadline_ms is None else deadline_ms / 1000)
    models, names = [], [view.settings.camera.name for view in views]
    for name, view in zip(names, views, strict=True):
        model = named_model(view.settings.model.provider, view.bundle.label, view.bundle.model_sha256)
        models.append(ModelFigures(name, *model, view.bundle.signing.signer))
        metrics.set_baseline(name, view.baseline is not None)

    def name_recipe(recipe: str) -> None:
        metrics.models.set(version("edge_inspector"), settings.line, recipe, models)

    name_recipe(settings.recipe)
    return Reporter(
        metrics,
        take,
        memory,
        names,
        outlet.key_figures,
        outlet.record,
        outlet.faults,
        name_recipe,
        new_gpu_watch(settings, outlet),
    )


def announce_start(settings: LineSettings, epoch: int, first_part: int, outlet: Outlet) -> None:
    """Say what begins, and where it can be asked."""
    endpoints = settings.endpoints
    log.info(
        "line_started",
        epoch=epoch,
        first_part=first_part,
        signals=endpoints.signals,
        telemetry=endpoints.telemetry,
        service=endpoints.service,
    )
    steps = min(settings.performance.nice.inspect, settings.performance.nice.camera)
    if steps < 0 and not may_raise(steps):
        outlet.announce("priority_refused", "warning", priority_refused(steps), stands=True)


def grown_too_large(child: Child | None, settings: LineSettings) -> str:
    """Return why a camera process should be replaced: what it takes and what it may; empty while it may stay."""
    taken = _resident_bytes(child.pid if child is not None else None)
    buffers = getattr(settings.camera, "buffers", 1)
    # Twice each: the producer's own copy. The line's slots are shared memory, which counts here too.
    most = (CAMERA_MB << 20) + (2 * buffers + settings.ring.slots) * settings.camera.frame.shape().n_bytes
    if taken is None or taken <= most:
        return ""
    return f"it takes {taken >> 20} MB of memory, {most >> 20} MB are the most for its buffers; the producer leaks"


def _memory_of(child: Watched) -> int | None:
    return _resident_bytes(child.child.pid if child.child is not None else None)


def _age_s(moment_ns: int) -> float | None:
    return (monotonic_ns() - moment_ns) / 1e9 if moment_ns else None


def _resident_bytes(pid: int | None) -> int | None:
    if pid is None:
        return None
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return None
