"""What came of qualifying a line's models: for people in sentences, for programs as `insp-qualify/1`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_inspector.app.choice import Labels, recommended, reference_of, remarks
from edge_inspector.app.qualify import Job, Pace
from edge_inspector.app.trial import Standing, Trial, ratio
from edge_inspector.core.clock import utc_us
from edge_inspector.core.errors import BundleError, EngineError
from edge_inspector.infer.candidates import Candidate
from edge_inspector.settings.line import LineSettings

SCHEMA = "insp-qualify/1"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one model."""

    job: Job
    trials: tuple[Trial, ...]
    """The simplest first."""
    labels: Labels | None = None
    """None where no labelled pictures were given."""
    configured: Candidate | None = None
    """What the configuration names; None for a bundle without a line."""

    @property
    def choice(self) -> Trial | None:
        """What is recommended; None where nothing is proven."""
        return recommended(self.trials)

    @property
    def label(self) -> str:
        """name@version of the bundle."""
        return self.job.views[0].bundle.label

    @property
    def model_sha256(self) -> dict[str, str]:
        """Hash of each of the bundle's graphs, by precision."""
        return hashes_of(self.job)

    @property
    def exit_code(self) -> int:
        """0 where something is proven; 66 where the bundle answers otherwise everywhere, 70 where nothing even runs."""
        if self.choice is not None:
            return 0
        is_bundle = any(trial.standing is Standing.REFUSED for trial in self.trials)
        return BundleError.exit_code if is_bundle else EngineError.exit_code

    def sentences(self) -> Iterator[str]:
        """Yield what the figures mean, the recommendation last."""
        yield from remarks(self.trials)
        chosen, reference = self.choice, reference_of(self.trials)
        if chosen is None or reference is None:
            yield f"nothing of {self.label} is proven on this computer: nothing can be recommended"
            return
        found = ratio(chosen, reference)
        times = f", {found.median:.2f}x of {reference.candidate}" if found and chosen is not reference else ""
        yield f"recommended: provider: {chosen.candidate.provider}, precision: {chosen.candidate.precision}{times}"
        now = self.configured
        if now is None or now == chosen.candidate:
            return
        of_now = next((trial for trial in self.trials if trial.candidate == now), None)
        if of_now is not None and not of_now.is_proven:
            yield f"the configuration names {now}, which is {of_now.standing}: {of_now.why}"
        elif of_now is not None and (gain := ratio(chosen, of_now)) is not None:
            yield f"the configuration names {now}; the recommended one is {gain.median:.2f}x as fast"


def hashes_of(job: Job) -> dict[str, str]:
    """Return the hash of each graph of a job's bundle, by precision."""
    manifest = job.views[0].bundle.manifest
    return {precision: manifest.files[path].sha256 for precision, path in manifest.precisions.items()}


@dataclass(frozen=True, slots=True)
class Report:
    """What came of all models of a line."""

    settings: LineSettings
    config: str | None
    """As the person gave it; None for a bundle without a line."""
    results: tuple[Result, ...]
    pace: Pace
    is_beside: bool
    labelled: Path | None = None

    @property
    def exit_code(self) -> int:
        """Of the first model of which nothing is proven; 0 where each has a choice."""
        return next((result.exit_code for result in self.results if result.exit_code), 0)

    def fit(self) -> str:
        """Return whether the recommended engines keep the line's deadline, and its rate; empty where it has neither."""
        chosen = [result.choice for result in self.results]
        if self.config is None or any(trial is None for trial in chosen):
            return ""
        typical_ms, p99_ms = (sum(trial.part_ms(share) for trial in chosen if trial) for share in (0.5, 0.99))
        transport_ms = max(view.camera.transport_ms for view in self.settings.views())
        told = []
        if (deadline_ms := self.settings.deadline_ms) is not None:
            needed_ms = p99_ms + transport_ms
            fits = "fits" if needed_ms < deadline_ms else "DOES NOT FIT"
            told.append(
                f"{fits} the deadline of {deadline_ms:g} ms: p99 {p99_ms:.1f} ms + transport {transport_ms:g} ms"
            )
        rate_hz = getattr(self.settings.camera, "rate_hz", None)
        if rate_hz is not None and self.settings.performance.profile == "latency":
            keeps = "keeps up with" if typical_ms * rate_hz < 1e3 else "DOES NOT KEEP UP with"
            told.append(
                f"{keeps} {rate_hz:g} parts a second: {typical_ms:.1f} ms each, {1e3 / rate_hz:.1f} ms are there"
            )
        return "; ".join(told)

    def as_json(self, here: dict[str, Any]) -> dict[str, Any]:
        """Return it for a program.

        Args:
            here: What the figures depend on besides the bundle, see `app.qualified.here`.
        """
        return {
            "schema": SCHEMA,
            "line": None if self.config is None else self.settings.line,
            "config": self.config,
            "at_utc": datetime.fromtimestamp(utc_us() // 1_000_000, UTC).isoformat().replace("+00:00", "Z"),
            "here": here,
            "is_beside": self.is_beside,
            "rounds": self.pace.rounds,
            "turn_s": round(self.pace.turn_s, 4),
            "labelled": None if self.labelled is None else str(self.labelled),
            "fit": self.fit(),
            "exit_code": self.exit_code,
            "models": [_result_json(result) for result in self.results],
        }


def _result_json(result: Result) -> dict[str, Any]:
    chosen, labels = result.choice, result.labels
    return {
        "bundle": result.label,
        "model_sha256": result.model_sha256,
        "cameras": list(result.job.cameras),
        "configured": None if result.configured is None else _candidate_json(result.configured),
        "recommended": None if chosen is None else _candidate_json(chosen.candidate),
        "said": list(result.sentences()),
        "pictures": None
        if labels is None
        else {"ok": sum(labels.is_ok), "defect": len(labels.is_ok) - sum(labels.is_ok)},
        "trials": [_trial_json(trial, result) for trial in result.trials],
    }


def _candidate_json(candidate: Candidate) -> dict[str, str]:
    return {"provider": candidate.provider, "precision": candidate.precision}


def _trial_json(trial: Trial, result: Result) -> dict[str, Any]:
    facts, reference, labels = trial.facts, reference_of(result.trials), result.labels
    timed: dict[str, Any] = {"tiles_per_s": None, "part_ms": None, "ratio": None}
    if trial.turns:
        found = None if reference is None else ratio(trial, reference)
        timed = {
            "tiles_per_s": round(trial.tiles_per_s, 2),
            "part_ms": {"p50": trial.part_ms(0.5), "p99": trial.part_ms(0.99), "n": trial.n_parts},
            "ratio": None if found is None else found.as_json(),
        }
    counted = None
    if labels is not None and reference is not None and len(trial.outcomes) == len(labels.names):
        counts = labels.counted(trial, reference)
        counted = {"escapes": counts.escapes, "false_rejects": counts.false_rejects, "flips": list(counts.flips)}
    return {
        **_candidate_json(trial.candidate),
        "standing": str(trial.standing),
        "why": trial.why,
        **timed,
        "load_s": None if facts is None else round(facts.load_s, 3),
        "proof_s": None if facts is None else round(facts.proof_s, 3),
        "memory_mib": None if facts is None else round(facts.memory_mib, 1),
        "tolerance_used": None if facts is None else round(facts.tolerance_used, 6),
        "n_tiles": None if facts is None else facts.n_tiles,
        "chunks": None if facts is None else list(facts.chunks),
        "labelled": counted,
    }
