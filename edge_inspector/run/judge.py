"""One part in, one judgement out, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import U8
from edge_inspector.core.logs import get_log
from edge_inspector.core.look import Look
from edge_inspector.core.ports import Engine, Progress
from edge_inspector.core.verdict import REASON_OF_ARRIVAL, Judgement, Outcome, Reason, Stages, TileResults
from edge_inspector.decide.together import together
from edge_inspector.run.part import Part

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was made of one view of a part."""

    judgement: Judgement
    results: TileResults | None = None
    """What the model said; None when it was not asked or failed. Valid until the next part."""
    look: Look | None = None
    """What the picture itself said; None when there was none to look at."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was made of a part: of each view, in the order of the cameras, and how long it took."""

    views: tuple[Seen, ...]
    stages: Stages

    @property
    def judgement(self) -> Judgement:
        """What the views say together."""
        return together([seen.judgement for seen in self.views])


@dataclass(frozen=True, slots=True)
class Eye:
    """How the pictures of one camera are judged."""

    engine: Engine
    """Verified."""
    decide: Callable[[TileResults], Judgement]
    """The rules, pure; those that a part brings count instead."""
    look: Callable[[U8], Look] | None = None
    """Whether a picture, shape (h, w, c), may be judged at all, and which of its tiles; None: always, all."""
    heat_from: float = 0.0
    """Score below which `decide` reads no heat; 0 where it reads all."""


class Judge:
    """Asks the engines and the rules about each part; holds whether the models are proven."""

    def __init__(
        self,
        eyes: Sequence[Eye] | EngineError,
        deadline_ns: int | None,
        drill: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Prepare.

        Args:
            eyes: One for each camera; or why there are none: then every part is UNKNOWN `model_error`.
            deadline_ns: From a part's trigger to the latest useful verdict; None for none.
            drill: Called with a part's number before a model is asked; raises where a drill wants it to fail.
        """
        self._drill = drill
        self._eyes = () if isinstance(eyes, EngineError) else tuple(eyes)
        self._deadline_ns = deadline_ns
        self.failure: EngineError | None = eyes if isinstance(eyes, EngineError) else None
        """Why a model is not trusted (any more); the process must end and a fresh one try again."""

    def judge(self, part: Part, progress: Progress, shutdown_ns: int) -> Judged:
        """Return the judgement of one part; never raises.

        Args:
            part: With the pictures that it has. Where one is missing or broken, no model is asked about the others.
            progress: Passed to the engines.
            shutdown_ns: Parts taken after this moment are not judged any more; 0 for none.
        """
        taken_ns = monotonic_ns()
        stages = Stages(grab_ns=max(0, taken_ns - part.trigger_ns))
        if shutdown_ns and taken_ns > shutdown_ns:
            return not_judged(part, Reason.SHUTDOWN, stages)
        if part.missing:
            return not_judged(part, Reason.PARTIAL_SET, stages)
        if (broken := part.broken) is not None:
            return not_judged(part, REASON_OF_ARRIVAL.get(broken.kind, Reason.FRAME_INVALID), stages)
        if self.is_late(part, taken_ns):  # too late to obey: the time is better spent on the next part
            return not_judged(part, Reason.DEADLINE, stages)
        if self.failure is not None:
            return not_judged(part, Reason.MODEL_ERROR, stages)
        return self._ask(part, stages, progress)

    def is_late(self, part: Part, now_ns: int) -> bool:
        """Return whether a part's deadline has passed."""
        deadline_ns = self.deadline_of(part)
        return deadline_ns is not None and now_ns > deadline_ns

    def deadline_of(self, part: Part) -> int | None:
        """Return the latest moment at which the gate can still obey, monotonic; None for any."""
        deadline_ns = self._deadline_ns if part.terms is None else part.terms.who.deadline_ns
        return None if deadline_ns is None else part.trigger_ns + deadline_ns

    def _ask(self, part: Part, stages: Stages, progress: Progress) -> Judged:
        views, tile_ns, infer_ns, decide_ns = [], 0, 0, 0
        for eye, view in zip(self._eyes_for(part), part.views, strict=True):
            pixels = None if view is None else view.pixels
            assert pixels is not None  # asked for before
            seen, took_ns = self._see(part, eye, pixels, progress)
            views.append(seen)
            if seen.results is not None:
                tile_ns, infer_ns = tile_ns + eye.engine.tile_ns, infer_ns + eye.engine.infer_ns
                decide_ns += took_ns
        return Judged(tuple(views), Stages(stages.grab_ns, tile_ns, infer_ns, decide_ns))

    def _eyes_for(self, part: Part) -> Iterator[Eye]:
        """Yield each camera's engine with the rules that are this part's."""
        if part.terms is None:
            yield from self._eyes
            return
        for eye, sight in zip(self._eyes, part.terms.sights, strict=True):
            yield Eye(eye.engine, sight.decide, sight.look, sight.heat_from)

    def _see(self, part: Part, eye: Eye, pixels: U8, progress: Progress) -> tuple[Seen, int]:
        """Return what is made of one picture, and how long the rules took."""
        look = None
        try:
            look = eye.look(pixels) if eye.look is not None else None
            if look is not None and look.refuses:
                return Seen(unknown(Reason.IMAGE_HEALTH), look=look), 0
            self._drill(part.part_id)
            results = eye.engine.run(pixels, progress, None if look is None else look.tiles, eye.heat_from)
            inferred_ns = monotonic_ns()
            judgement = eye.decide(results)
        except Exception as error:
            log.exception("model_error", part_id=part.part_id, detail=str(error))
            self._prove_again(eye.engine)
            return Seen(unknown(Reason.MODEL_ERROR), look=look), 0
        return Seen(judgement, results, look), monotonic_ns() - inferred_ns

    def _prove_again(self, engine: Engine) -> None:
        try:
            engine.verify()
        except Exception as error:  # noqa: BLE001 - a model that cannot prove itself is not trusted, whatever it raised
            self.failure = error if isinstance(error, EngineError) else EngineError(f"self-test failed: {error}")


def not_judged(part: Part, reason: Reason, stages: Stages | None = None) -> Judged:
    """Return what becomes of a part that no model was asked about: UNKNOWN in all its views."""
    seen = Seen(unknown(reason))
    return Judged((seen,) * len(part.views), stages or Stages())


def unknown(reason: Reason) -> Judgement:
    """Return the judgement of a part that was not judged."""
    return Judgement(Outcome.UNKNOWN, reason)


def as_late(judgement: Judgement) -> Judgement:
    """Return a judgement whose deadline passed before it was numbered: UNKNOWN, with the score it had.

    A part that is UNKNOWN already keeps the reason that explains it.
    """
    if judgement.outcome is Outcome.UNKNOWN:
        return judgement
    return replace(judgement, outcome=Outcome.UNKNOWN, reason=Reason.DEADLINE)
