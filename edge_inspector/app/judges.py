"""From a plan to those who judge: model, rules and what a picture must be like."""

from __future__ import annotations

from functools import partial
from typing import cast

from edge_inspector.app.plans import InspectPlan
from edge_inspector.app.zoning import layout_of_regions, look_for_web, needs_heat, rules_of
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.core.errors import BundleError, EngineError
from edge_inspector.core.verdict import Judgement, TileResults
from edge_inspector.decide.image_health import look_at
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.null import NullEngine
from edge_inspector.infer.providers import ProviderName, usable_cores
from edge_inspector.run.judge import Judge
from edge_inspector.run.worker import all_at_once
from edge_inspector.tile.regions import Plan

ModelEngine = OnnxEngine | NullEngine


def make_judges(plan: InspectPlan, is_first: bool) -> list[Judge]:
    """Return one judge per worker, each with a proven engine; or one that says why there is none.

    Raises:
        BundleError: The bundle cannot be used and a person is watching the start; later the line goes on rejecting.
    """
    try:
        return _proven(plan)
    except EngineError as error:
        failure = error
    except BundleError as error:
        if is_first:
            raise
        failure = EngineError(str(error))
    return [Judge(failure, _judge_nothing, plan.deadline_ns)]


def _proven(plan: InspectPlan) -> list[Judge]:
    bundle = load_bundle(plan.bundle)
    manifest = bundle.manifest
    if bundle.model_sha256 != plan.model_sha256:
        raise EngineError(
            f"{plan.bundle} holds another model than when the line started ({bundle.label} instead of {plan.model}); "
            "start the line again to use it, or put the former bundle back"
        )
    laid = layout_of_regions(plan, manifest)
    engines = _engines(plan, bundle, laid)
    # At once, as they will work: one after the other, an engine on each of many cores would take minutes.
    all_at_once([engine.verify for engine in engines])
    first = engines[0]
    decide = rules_of(plan, manifest, first.corners_yx, laid, first.margin)
    look = look_for_web(plan, manifest, laid, partial(look_at, rules=plan.image_health))
    return [Judge(engine, decide, plan.deadline_ns, look) for engine in engines]


def _engines(plan: InspectPlan, bundle: Bundle, laid: Plan | None) -> list[ModelEngine]:
    corners_yx = None if laid is None else laid.corners_yx
    n_workers = (plan.workers or usable_cores()) if plan.profile == "throughput" else 1
    if plan.provider == "null":
        return [
            NullEngine(bundle, plan.layout.frame, overlap=plan.overlap, chunk=plan.chunk, corners_yx=corners_yx)
            for _ in range(n_workers)
        ]
    # Side by side, each part has a core of its own: threads inside one inference would only wait for each other.
    threads = plan.threads or (1 if plan.profile == "throughput" else None)
    engine = OnnxEngine(
        bundle,
        plan.layout.frame,
        overlap=plan.overlap,
        provider=cast(ProviderName, plan.provider),
        device_id=plan.device_id,
        threads=threads,
        chunk=plan.chunk,
        # A compiled engine belongs to one model; ONNX Runtime adds GPU and versions to its file names.
        cache_dir=plan.cache_dir / bundle.model_sha256[:16] if plan.provider == "tensorrt" else None,
        spin=plan.spin,
        corners_yx=corners_yx,
        may_skip=plan.regions is not None and plan.regions.background is not None,
        reads_heat=needs_heat(laid),
    )
    return [engine, *(engine.twin() for _ in range(n_workers - 1))]


def _judge_nothing(_results: TileResults) -> Judgement:
    raise EngineError("there is no model")
