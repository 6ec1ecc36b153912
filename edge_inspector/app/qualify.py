"""Composition root of `model qualify`: a process for each engine in each precision, asked in turn, one at a time.

All are loaded before any is timed, and each round asks each of them once: what else this computer does falls on all
alike, and the ratio of each round is taken before its median.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge_inspector.app.candidate import CandidatePlan
from edge_inspector.app.choice import Labels, allowed
from edge_inspector.app.labelled import OK, Picture, Sizes
from edge_inspector.app.patience import START_S
from edge_inspector.app.planning import inspect_plan
from edge_inspector.app.ready import Ready, ReadyView
from edge_inspector.app.trial import Facts, Standing, Trial, Turn
from edge_inspector.core.verdict import Outcome
from edge_inspector.infer.candidates import Candidate, candidates
from edge_inspector.run.probe import Probe, status_words
from edge_inspector.settings.lines import KeyPath

ANSWER_S = 60.0
"""On top of the time that a turn takes: one part on a slow computer, or some pictures."""
UNKNOWN_START_S = 120.0
"""For an engine that this file has never heard of to load."""
BATCH = 8
"""Labelled pictures of one question: progress is told in between."""
Tell = Callable[[str, int, int], None]
"""What is done, how much of it, of how much."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long it is measured."""

    seconds: float = 10.0
    """For each candidate."""
    rounds: int = 15
    """Enough for quartiles that hold; one more goes first and counts for nothing."""
    start_s: float | None = None
    """Longest time to load and prove; None for the engine's own."""
    answer_s: float = ANSWER_S

    @property
    def turn_s(self) -> float:
        """Time of one turn."""
        return self.seconds / self.rounds


@dataclass(frozen=True, slots=True)
class Job:
    """The cameras of a line that are judged by one model."""

    places: tuple[KeyPath, ...]
    """Where in the configuration the model is named."""
    views: tuple[ReadyView, ...]

    @property
    def cameras(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(view.settings.camera.name for view in self.views)

    @property
    def configured(self) -> Candidate:
        """What the configuration says."""
        model = self.views[0].settings.model
        return Candidate(model.provider, model.precision)

    @property
    def sizes(self) -> Sizes:
        """What a labelled picture of the first camera may be."""
        first = self.views[0]
        return Sizes(first.settings.camera.frame.shape(), first.bundle.manifest.tile_hw)


def jobs_of(ready: Ready) -> list[Job]:
    """Return a line's models, each with its cameras, in the order of the configuration."""
    found: dict[str, Job] = {}
    for place, view in enumerate(ready.views):
        own = place > 0 and ready.settings.more_views[place - 1].model is not None
        path: KeyPath = ("more_views", place - 1, "model") if own else ("model",)
        model = view.settings.model
        before = found.get(key := model.model_dump_json(), Job((), ()))
        places = before.places if path in before.places else (*before.places, path)
        found[key] = Job(places, (*before.views, view))
    return list(found.values())


def try_all(
    job: Job, ready: Ready, config: Path, pictures: Sequence[Picture], pace: Pace, is_beside: bool, tell: Tell
) -> list[Trial]:
    """Return what was found about every engine in every precision of a job's bundle, the simplest first.

    Never raises for what is wrong with one of them.

    Args:
        job: One of `jobs_of`.
        ready: The line, with the bundles' fp32 graphs.
        config: Its file, for messages.
        pictures: Labelled ones of the first camera.
        pace: How long it may take.
        is_beside: A line inspects meanwhile and comes first.
        tell: Called as it goes on.
    """
    wanted = candidates(job.views[0].bundle.manifest.precisions)
    with ExitStack() as stack:
        runners = []
        for place, candidate in enumerate(wanted):
            tell(f"load and prove {candidate}", place, len(wanted))
            plan = CandidatePlan(_plan_of(candidate, job, ready, config), job.sizes, tuple(pictures), is_beside)
            runners.append(stack.enter_context(running(candidate, plan, pace)))
        _show(runners, len(pictures), tell)
        _time(runners, pace, tell)
        trials = [runner.trial for runner in runners]
    return allowed(trials, labels_of(pictures))


def labels_of(pictures: Sequence[Picture]) -> Labels | None:
    """Return what a person said of pictures; None where there are none."""
    if not pictures:
        return None
    return Labels(tuple(one.name for one in pictures), tuple(one.label == OK for one in pictures))


class Runner:
    """One candidate's process, and what came of it."""

    def __init__(self, candidate: Candidate, plan: CandidatePlan, pace: Pace) -> None:
        """Start it, and wait until its golden tiles are answered or it is clear that they will not be."""
        self.trial = Trial(candidate, Standing.PROVEN)
        self.pace = pace
        self._probe = Probe("edge_inspector.app.candidate", plan, str(candidate).replace(" ", "-"))
        told = self._told(pace.start_s or START_S.get(candidate.provider, UNKNOWN_START_S))
        if told is not None:
            self.trial = replace(self.trial, facts=Facts(**told | {"chunks": tuple(told["chunks"])}))

    @property
    def is_alive(self) -> bool:
        """Whether it may be asked."""
        return self.trial.is_proven

    def ask(self, limit_s: float, **what: Any) -> dict[str, Any] | None:
        """Return an answer; None when there is none, and never will be another."""
        self._probe.ask(**what)
        return self._told(limit_s)

    def close(self) -> None:
        """End it."""
        self._probe.close()

    def _told(self, limit_s: float) -> dict[str, Any] | None:
        told = self._probe.told(limit_s)
        if told is not None and "error" not in told:
            return told
        standing, why = _why(told) if told is not None else (Standing.FAILED, _ended(self._probe.ended(), limit_s))
        self.trial = replace(self.trial, standing=standing, why=why)
        self._probe.kill()  # a process that hangs must not disturb the others
        return None


@contextmanager
def running(candidate: Candidate, plan: CandidatePlan, pace: Pace) -> Iterator[Runner]:
    """Give a candidate in its process, which ends with the block."""
    runner = Runner(candidate, plan, pace)
    try:
        yield runner
    finally:
        runner.close()


def _show(runners: Sequence[Runner], n_pictures: int, tell: Tell) -> None:
    alive = [runner for runner in runners if runner.is_alive]
    for place, runner in enumerate(alive):
        outcomes: list[Outcome] = []
        while runner.is_alive and len(outcomes) < n_pictures:
            done = place * n_pictures + len(outcomes)
            tell(f"show pictures to {runner.trial.candidate}", done, len(alive) * n_pictures)
            told = runner.ask(runner.pace.answer_s, first=len(outcomes), n=BATCH)
            outcomes += [Outcome(outcome) for outcome in told["outcomes"]] if told else []
        if runner.is_alive:
            runner.trial = replace(runner.trial, outcomes=tuple(outcomes))


def _time(runners: Sequence[Runner], pace: Pace, tell: Tell) -> None:
    for number in range(pace.rounds + 1):
        alive = [runner for runner in runners if runner.is_alive]
        tell(f"time {len(alive)} engines, turn and turn about", number, pace.rounds + 1)
        # Forwards and backwards: a clock that falls as the processor warms up favours nobody.
        for runner in alive if number % 2 else reversed(alive):
            told = runner.ask(pace.answer_s + pace.turn_s, turn_s=pace.turn_s)
            if told is not None and number > 0:
                made = Turn(told["parts"], told["wall_s"], tuple(told["part_us"]))
                runner.trial = replace(runner.trial, turns=(*runner.trial.turns, made))


def _plan_of(candidate: Candidate, job: Job, ready: Ready, config: Path) -> Any:
    """Return the inspect process's plan for a job's cameras, were the candidate configured."""
    views = []
    for view in job.views:
        model = view.settings.model.model_copy(
            update={"provider": candidate.provider, "precision": candidate.precision}
        )
        manifest = view.bundle.manifest
        sha256 = manifest.files[manifest.precisions[candidate.graph]].sha256
        bundle = replace(view.bundle, precision=candidate.graph, model_sha256=sha256)
        views.append(ReadyView(view.settings.model_copy(update={"model": model}), bundle, view.baseline))
    return inspect_plan(ready.settings, views, config)


def _why(told: dict[str, Any]) -> tuple[Standing, str]:
    sentence = told["error"].partition(". ")[0]
    if told["at"] == "load" and told["kind"] == "EngineError":
        return Standing.ABSENT, sentence
    is_known = told["kind"] in ("EngineError", "BundleError") and told["at"] != "work"
    return (Standing.REFUSED if is_known else Standing.FAILED), sentence


def _ended(status: int | None, limit_s: float) -> str:
    if status is None:
        return f"no answer in {limit_s:g} s: given up; its library or its driver hangs"
    words = status_words(status)
    guess = "no memory was left, most likely" if words == "SIGKILL" else "native code of its library, most likely"
    return f"its process ended with {words}: {guess}"
