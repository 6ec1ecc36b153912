"""From a plan to those who judge: model, rules and what a picture must be like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from edge_inspector.app.plans import InspectPlan, ViewPlan
from edge_inspector.app.zoning import heat_from, layout_of_regions, look_for_web, needs_heat, rules_of
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.core.errors import BundleError, EngineError
from edge_inspector.core.verdict import Judgement, Outcome, TileResults
from edge_inspector.decide.image_health import look_at
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.null import NullEngine
from edge_inspector.infer.providers import usable_cores
from edge_inspector.infer.runtime import Hardware, ProviderName, TellBuild
from edge_inspector.run.judge import Eye, Judge
from edge_inspector.run.terms import Sight
from edge_inspector.run.worker import all_at_once
from edge_inspector.tile.regions import Plan

ModelEngine = OnnxEngine | NullEngine


def make_judges(plan: InspectPlan, is_first: bool, drill: Callable[[int], None] = lambda _: None) -> list[Judge]:
    """Return one judge per worker, each with a proven engine; or one that says why there is none.

    Args:
        plan: Of the process.
        is_first: A person is watching the start.
        drill: Called with each part's number before the model is asked; raises where a drill wants it to fail.

    Raises:
        BundleError: The bundle cannot be used and a person is watching the start; later the line goes on rejecting.
    """
    return prepare_judges(plan, is_first, drill).judges


def prepare_judges(
    plan: InspectPlan, is_first: bool, drill: Callable[[int], None], tell_build: TellBuild = lambda _: None
) -> Judges:
    """Return the same, with what makes new rules for them; arguments and errors as `make_judges`.

    `tell_build` is called before an engine is compiled and after it.
    """
    try:
        return _proven(plan, drill, tell_build)
    except EngineError as error:
        failure = error
    except BundleError as error:
        if is_first:
            raise
        failure = EngineError(str(error))
    return Judges([Judge(failure, plan.deadline_ns)], ())


@dataclass(frozen=True, slots=True)
class Judges:
    """Those who judge, and what they were made of."""

    judges: list[Judge]
    """One per worker."""
    views: Sequence[_View]
    """One for each camera; empty where no model is proven, and so none asked."""

    def sights(self, plan: InspectPlan) -> tuple[Sight, ...]:
        """Return how each camera's pictures are judged by another plan of the same models and tiles.

        Raises:
            SettingsError, EngineError, ValueError: Its rules cannot be.
        """
        if not self.views:
            return tuple(Sight(_never, None, view.image_health.policies["stuck"]) for view in plan.views)
        return tuple(view.sight(plan, new) for view, new in zip(self.views, plan.views, strict=True))


def _never(_: TileResults) -> Judgement:
    raise EngineError("no model is proven, so nothing can be judged")


def _proven(plan: InspectPlan, drill: Callable[[int], None], tell_build: TellBuild) -> Judges:
    views = load_views(plan, tell_build)
    return Judges([Judge(eyes, plan.deadline_ns, drill) for eyes in prove_views(plan, views)], views)


def load_views(plan: InspectPlan, tell_build: TellBuild = lambda _: None) -> list[_View]:
    """Return each camera's model, loaded, with an engine for each worker; nothing is proven yet.

    Raises:
        BundleError, EngineError: One cannot be used.
    """
    return [_View(plan, view, tell_build) for view in plan.views]


def prove_views(plan: InspectPlan, views: Sequence[_View]) -> list[tuple[Eye, ...]]:
    """Replay golden tiles in every engine; returns for each worker how it judges each camera's pictures.

    Raises:
        EngineError: One answers otherwise than where it was exported.
    """
    # At once, as they will work: one after the other, an engine on each of many cores would take minutes.
    all_at_once([engine.verify for view in views for engine in view.engines])
    return list(zip(*(view.eyes(plan) for view in views), strict=True))


class _View:
    """One camera's bundle, and an engine for each worker."""

    def __init__(self, plan: InspectPlan, view: ViewPlan, tell_build: TellBuild) -> None:
        self._plan = view
        self.bundle = load_bundle(view.bundle, view.precision, trust=view.trust)
        if self.bundle.model_sha256 != view.model_sha256:
            raise EngineError(
                f"{view.bundle} holds another model than when the line started ({self.bundle.label} instead of "
                f"{view.model}); start the line again to use it, or put the former bundle back"
            )
        self._laid = layout_of_regions(view, self.bundle.manifest)
        self.engines = _engines(plan, view, self.bundle, self._laid, tell_build)

    def eyes(self, plan: InspectPlan) -> list[Eye]:
        """Return how each worker judges this camera's pictures; the engines are verified."""
        sight = self.sight(plan, self._plan)
        return [Eye(engine, sight.decide, sight.look, sight.heat_from) for engine in self.engines]

    def sight(self, plan: InspectPlan, view: ViewPlan) -> Sight:
        """Return how pictures are judged by a plan whose model and tiles are this one's."""
        manifest, first = self.bundle.manifest, self.engines[0]
        decide = rules_of(view, manifest, first.corners_yx, self._laid, first.margin)
        look = look_for_web(view, manifest, self._laid, partial(look_at, rules=view.image_health))
        lowest = heat_from(view, manifest, self._laid, keeps_passed=Outcome.PASS in plan.keep)
        return Sight(decide, look, view.image_health.policies["stuck"], lowest)


def _engines(
    plan: InspectPlan, view: ViewPlan, bundle: Bundle, laid: Plan | None, tell_build: TellBuild
) -> list[ModelEngine]:
    corners_yx = None if laid is None else laid.corners_yx
    n_workers = (plan.workers or usable_cores()) if plan.profile == "throughput" else 1
    if view.provider == "null":
        return [
            NullEngine(bundle, view.layout.frame, overlap=view.overlap, chunk=view.chunk, corners_yx=corners_yx)
            for _ in range(n_workers)
        ]
    # Side by side, each part has a core of its own: threads inside one inference would only wait for each other.
    threads = view.threads or (1 if plan.profile == "throughput" else None)
    engine = OnnxEngine(
        bundle,
        view.layout.frame,
        overlap=view.overlap,
        hardware=Hardware(
            cast(ProviderName, view.provider),
            view.device_id,
            threads,
            plan.spin,
            plan.cache_dir,
            view.tensorrt,
        ),
        chunk=view.chunk,
        corners_yx=corners_yx,
        may_skip=view.regions is not None and view.regions.background is not None,
        reads_heat=needs_heat(laid),
        tell_build=tell_build,
    )
    return [engine, *all_at_once([engine.twin] * (n_workers - 1))]
