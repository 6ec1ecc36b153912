"""Metrics in main: one snapshot a second, the same for telemetry and for the page."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_inspector.app.keeping import EvidenceKeeper
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.verdict import LineState, Stages, Totals
from edge_inspector.observe.figures import CameraFigures, ImageFigures, KeyFigures, LineFigures
from edge_inspector.observe.metrics import LineMetrics
from edge_inspector.observe.snapshot import Family
from edge_inspector.run.child import Child
from edge_inspector.run.memory import CameraStatus, LineMemory, Word
from edge_inspector.run.watch import Watched
from edge_inspector.settings.line import LineSettings

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
CAMERA_MB = 768
"""What a camera process may take besides its buffers: it starts with a tenth of that, and some producers leak."""


class Reporter:
    """Reads the shared memory and the supervisor, fills the metrics. Owned by main's loop."""

    def __init__(
        self,
        metrics: LineMetrics,
        take: Callable[[], list[Family]],
        memory: LineMemory,
        camera: str,
        keys: Callable[[], KeyFigures | None] = lambda: None,
    ) -> None:
        self._metrics, self._take, self._memory, self._camera, self._keys = metrics, take, memory, camera, keys

    def verdict(self, note: dict[str, Any]) -> None:
        """Take in one verdict note, and what its picture said of itself."""
        self._metrics.observe_verdict(note["body"], Stages(*note["stages"]))
        if (image := note.get("image")) is not None:
            self._metrics.observe_image(ImageFigures(*image))

    def snapshot(
        self,
        totals: Totals,
        state: LineState,
        is_ready: bool,
        children: tuple[Watched, Watched],
        keeper: EvidenceKeeper | None,
        bypass_left_s: float = 0.0,
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
            )
        )
        self._set_camera(children[0])
        self._set_queues(totals, keeper)
        for child in children:
            pid = child.child.pid if child.child is not None else None
            metrics.set_process("camera" if child is children[0] else "inspect", child.restarts, _resident_bytes(pid))
        metrics.set_process("main", 0, _resident_bytes(os.getpid()))
        if (keys := self._keys()) is not None:
            metrics.set_keys(keys)
        return self._take()

    def _set_camera(self, child: Watched) -> None:
        read = self._memory.read
        figures = CameraFigures(
            is_connected=read(Word.CAMERA_STATUS) in (CameraStatus.ARMED, CameraStatus.RESYNCING),
            frames=read(Word.FRAMES),
            incomplete=read(Word.FRAMES_INCOMPLETE),
            lost=read(Word.FRAMES_LOST),
            invalid=read(Word.FRAMES_INVALID),
            overrun=read(Word.OVERRUNS),
            encoder=read(Word.ENCODER_FAULTS),
            discarded=read(Word.DISCARDED),
            reconnects=child.restarts,
            last_frame_age_s=_age_s(read(Word.LAST_FRAME_NS)),
        )
        self._metrics.set_camera(self._camera, figures)

    def _set_queues(self, totals: Totals, keeper: EvidenceKeeper | None) -> None:
        read, layout = self._memory.read, self._memory.layout
        waiting = read(Word.HEAD) - totals.verdicts
        self._metrics.set_queue("ring", max(0, waiting), layout.records)
        self._metrics.set_handover_dropped(read(Word.HANDOVER_DROPPED))
        if keeper is not None:
            self._metrics.set_queue("evidence", keeper.mailbox.depth, keeper.mailbox.max_items)
            lost = keeper.mailbox.dropped + keeper.taken_back + read(Word.EVIDENCE_DROPPED)
            status = keeper.status()
            if status is not None:
                self._metrics.set_evidence(status, lost)


def grown_too_large(child: Child | None, settings: LineSettings) -> str:
    """Return why a camera process should be replaced: what it takes and what it may; empty while it may stay."""
    taken = _resident_bytes(child.pid if child is not None else None)
    buffers = getattr(settings.camera, "buffers", 1)
    # Twice each: the producer's own copy. The line's slots are shared memory, which counts here too.
    most = (CAMERA_MB << 20) + (2 * buffers + settings.ring.slots) * settings.camera.frame.shape().n_bytes
    if taken is None or taken <= most:
        return ""
    return f"it takes {taken >> 20} MB of memory, {most >> 20} MB are the most for its buffers; the producer leaks"


def _age_s(moment_ns: int) -> float | None:
    return (monotonic_ns() - moment_ns) / 1e9 if moment_ns else None


def _resident_bytes(pid: int | None) -> int | None:
    if pid is None:
        return None
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return None
