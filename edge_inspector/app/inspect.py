"""Composition root of the inspect process: ring, engine, rules, signals; one thread, nothing else."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import cast

from edge_inspector.app.plans import InspectPlan
from edge_inspector.bundle.load import load_bundle
from edge_inspector.core.errors import BundleError, EdgeInspectorError, EngineError
from edge_inspector.core.logs import get_log
from edge_inspector.core.verdict import Judgement, TileResults
from edge_inspector.decide.limits import merged_limits
from edge_inspector.decide.rules import Rules, judge
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.providers import ProviderName
from edge_inspector.observe.logs import configure_logging
from edge_inspector.run.child import Start, enter_child
from edge_inspector.run.handover import NoteSender
from edge_inspector.run.inspect import Identity, InspectLoop
from edge_inspector.run.judge import Judge
from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.signal.publisher import SignalPublisher

log = get_log(__name__)

Decide = Callable[[TileResults], Judgement]


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
    model = _model(plan, is_first=memory.read(Word.HEARTBEAT_NS) == 0)
    if isinstance(model, EngineError):
        # Not fatal: parts come all the same, and each must be rejected by a verdict, not by our absence.
        log.error("model_not_ready", detail=str(model))
        notes.offer({"kind": "event", "name": "model_error", "severity": "error", "detail": str(model)})
        judge_parts = Judge(model, _judge_nothing, plan.deadline_ns)
    else:
        engine, decide = model
        log.info("model_proven", model=plan.model, provider=plan.provider, tiles=len(engine.corners_yx))
        judge_parts = Judge(engine, decide, plan.deadline_ns)
    identity = Identity(
        line=plan.line,
        epoch=plan.epoch,
        camera=plan.camera,
        model=plan.model,
        model_sha256=plan.model_sha256,
        recipe=plan.recipe,
        lease_ms=plan.lease_ms,
        deadline_ns=plan.deadline_ns,
        keep=plan.keep,
    )
    InspectLoop(identity, memory, start.wake_fd, judge_parts, signals, notes).run()
    signals.close()


def _model(plan: InspectPlan, is_first: bool) -> tuple[OnnxEngine, Decide] | EngineError:
    """Return a proven engine and the rules for its scores, or why there is none."""
    try:
        return _proven(plan)
    except EngineError as error:
        return error
    except BundleError as error:
        if is_first:  # a person is watching the start; later the line must go on rejecting
            raise
        return EngineError(str(error))


def _proven(plan: InspectPlan) -> tuple[OnnxEngine, Decide]:
    bundle = load_bundle(plan.bundle)
    manifest = bundle.manifest
    if bundle.model_sha256 != plan.model_sha256:
        raise EngineError(
            f"{plan.bundle} holds another model than when the line started ({bundle.label} instead of {plan.model}); "
            "start the line again to use it, or put the former bundle back"
        )
    limits = merged_limits(manifest.labels, manifest.limits, plan.limits, plan.config_file)
    rules = Rules(manifest.labels, limits, plan.min_defect_tiles, plan.min_area_px)
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
    return engine, partial(judge, corners_yx=engine.corners_yx, tile_hw=engine.tile_hw, rules=rules)


def _judge_nothing(_results: TileResults) -> Judgement:
    raise EngineError("there is no model")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
