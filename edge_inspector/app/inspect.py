"""Composition root of the inspect process: ring, engine, rules, signals; one thread, nothing else."""

from __future__ import annotations

import socket
import sys
from functools import partial
from typing import cast

from edge_inspector.app.plans import InspectPlan
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.core.errors import EdgeInspectorError, EngineError
from edge_inspector.core.logs import get_log
from edge_inspector.decide.limits import merged_limits
from edge_inspector.decide.rules import Rules, judge
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.fit import check_frame
from edge_inspector.infer.providers import ProviderName
from edge_inspector.observe.logs import configure_logging
from edge_inspector.run.child import Start, enter_child
from edge_inspector.run.handover import NoteSender
from edge_inspector.run.inspect import Identity, InspectLoop
from edge_inspector.run.judge import Judge
from edge_inspector.run.memory import LineMemory
from edge_inspector.signal.publisher import SignalPublisher

log = get_log(__name__)


def main(start_fd: int) -> int:
    """Run the inspect process; returns its exit code."""
    start = enter_child(start_fd)
    plan: InspectPlan = start.plan
    configure_logging(plan.log_level, plan.line, "inspect")
    notes = NoteSender(socket.socket(fileno=start.notes_fd))
    try:
        _inspect(start, plan, notes)
    except EdgeInspectorError as error:
        note = {"kind": "fatal", "name": type(error).__name__, "detail": str(error), "exit_code": error.exit_code}
        notes.offer(note)
        return error.exit_code
    return 0


def _inspect(start: Start, plan: InspectPlan, notes: NoteSender) -> None:
    memory = LineMemory(plan.layout, start.memory_fd)
    # Bound first: clients connect while the model loads, and hear the first verdict.
    signals = SignalPublisher(plan.endpoint, plan.is_simulated)
    bundle = load_bundle(plan.bundle)
    manifest = bundle.manifest
    rules = Rules(
        manifest.labels,
        merged_limits(manifest.labels, manifest.limits, plan.limits, plan.config_file),
        plan.min_defect_tiles,
        plan.min_area_px,
    )
    corners_yx = check_frame(manifest, plan.layout.frame, plan.overlap)
    decide = partial(judge, corners_yx=corners_yx, tile_hw=manifest.tile_hw, rules=rules)
    engine = _proven_engine(plan, bundle, notes)
    identity = Identity(
        line=plan.line,
        epoch=plan.epoch,
        camera=plan.camera,
        model=bundle.label,
        model_sha256=bundle.model_sha256,
        recipe=plan.recipe,
        lease_ms=plan.lease_ms,
        deadline_ns=plan.deadline_ns,
        keep=plan.keep,
    )
    InspectLoop(identity, memory, start.wake_fd, Judge(engine, decide, plan.deadline_ns), signals, notes).run()
    signals.close()


def _proven_engine(plan: InspectPlan, bundle: Bundle, notes: NoteSender) -> OnnxEngine | EngineError:
    try:
        engine = OnnxEngine(
            bundle,
            plan.layout.frame,
            overlap=plan.overlap,
            provider=cast(ProviderName, plan.provider),
            device_id=plan.device_id,
            threads=plan.threads,
            chunk=plan.chunk,
            # A compiled engine belongs to one model; ONNX Runtime adds GPU and versions to its file names.
            cache_dir=plan.cache_dir / bundle.model_sha256[:16] if plan.provider == "tensorrt" else None,
        )
        engine.verify()
    except EngineError as error:
        # Not fatal: parts come all the same, and each must be rejected by a verdict, not by our absence.
        log.error("model_not_ready", detail=str(error))
        notes.offer({"kind": "event", "name": "model_error", "severity": "error", "detail": str(error)})
        return error
    log.info("model_proven", model=bundle.label, provider=plan.provider, tiles=len(engine.corners_yx))
    return engine


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
