"""One part in, one judgement out, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import U8, ArrivalKind, Part
from edge_inspector.core.logs import get_log
from edge_inspector.core.look import Look
from edge_inspector.core.ports import Engine, Progress
from edge_inspector.core.verdict import REASON_OF_ARRIVAL, Judgement, Outcome, Reason, Stages, TileResults

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement and how it came about."""

    judgement: Judgement
    stages: Stages
    results: TileResults | None = None
    """What the model said; None when it was not asked or failed. Valid until the next part."""
    look: Look | None = None
    """What the picture itself said; None when there was none to look at."""


class Judge:
    """Asks the engine and the rules about each part; holds whether the model is proven."""

    def __init__(
        self,
        engine: Engine | EngineError,
        decide: Callable[[TileResults], Judgement],
        deadline_ns: int | None,
        look: Callable[[U8], Look] | None = None,
    ) -> None:
        """Prepare.

        Args:
            engine: Verified; or why there is none: then every part is UNKNOWN `model_error`.
            decide: The rules, pure.
            deadline_ns: From a part's trigger to the latest useful verdict; None for none.
            look: Whether a picture, shape (h, w, c), may be judged at all, and which of its tiles; None: always, all.
        """
        self._engine = None if isinstance(engine, EngineError) else engine
        self._decide, self._deadline_ns, self._look = decide, deadline_ns, look
        self.failure: EngineError | None = engine if isinstance(engine, EngineError) else None
        """Why the model is not trusted (any more); the process must end and a fresh one try again."""

    @property
    def is_proven(self) -> bool:
        """Whether the next part will be judged by a model that replayed its golden tiles."""
        return self.failure is None

    def judge(self, part: Part, progress: Progress, shutdown_ns: int) -> Judged:
        """Return the judgement of one part; never raises.

        Args:
            part: With its picture, if it has one.
            progress: Passed to the engine.
            shutdown_ns: Parts taken after this moment are not judged any more; 0 for none.
        """
        taken_ns = monotonic_ns()
        stages = Stages(grab_ns=max(0, taken_ns - part.trigger_ns))
        if shutdown_ns and taken_ns > shutdown_ns:
            return Judged(unknown(Reason.SHUTDOWN), stages)
        if part.kind is not ArrivalKind.FRAME or part.pixels is None:
            return Judged(unknown(REASON_OF_ARRIVAL.get(part.kind, Reason.FRAME_INVALID)), stages)
        if self.is_late(part, taken_ns):  # too late to obey: the time is better spent on the next part
            return Judged(unknown(Reason.DEADLINE), stages)
        return self._ask(part, stages, progress)

    def is_late(self, part: Part, now_ns: int) -> bool:
        """Return whether a part's deadline has passed."""
        deadline_ns = self.deadline_of(part)
        return deadline_ns is not None and now_ns > deadline_ns

    def deadline_of(self, part: Part) -> int | None:
        """Return the latest moment at which the gate can still obey, monotonic; None for any."""
        return None if self._deadline_ns is None else part.trigger_ns + self._deadline_ns

    def _ask(self, part: Part, stages: Stages, progress: Progress) -> Judged:
        if self._engine is None or self.failure is not None or part.pixels is None:
            return Judged(unknown(Reason.MODEL_ERROR), stages)
        look = None
        try:
            look = self._look(part.pixels) if self._look is not None else None
            if look is not None and look.refuses:
                return Judged(unknown(Reason.IMAGE_HEALTH), stages, look=look)
            results = self._engine.run(part.pixels, progress, None if look is None else look.tiles)
            inferred_ns = monotonic_ns()
            judgement = self._decide(results)
        except Exception as error:
            log.exception("model_error", part_id=part.part_id, detail=str(error))
            self._prove_again()
            return Judged(unknown(Reason.MODEL_ERROR), stages, look=look)
        decide_ns = monotonic_ns() - inferred_ns
        return Judged(
            judgement, Stages(stages.grab_ns, self._engine.tile_ns, self._engine.infer_ns, decide_ns), results, look
        )

    def _prove_again(self) -> None:
        if self._engine is None:
            return
        try:
            self._engine.verify()
        except Exception as error:  # noqa: BLE001 - a model that cannot prove itself is not trusted, whatever it raised
            self.failure = error if isinstance(error, EngineError) else EngineError(f"self-test failed: {error}")


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
