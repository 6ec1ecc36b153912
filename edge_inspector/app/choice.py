"""Which engine a line should run on, of those that were tried. Pure.

The fastest is found among what is proven and allowed. Of all that it is not surely faster than, the simplest is
recommended: a computer's noise chooses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from edge_inspector.app.trial import Standing, Trial, ratio
from edge_inspector.bundle.golden import MOST_FLIPS
from edge_inspector.core.verdict import Outcome

SURELY = 1.05
"""So many times as fast in three rounds of four is faster. A computer that does nothing else repeats itself to 2 %;
what is gained below 5 % is worth neither another library nor other answers."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Pictures of which a person has said what they show."""

    names: tuple[str, ...]
    """Of each picture, below the set's folder."""
    is_ok: tuple[bool, ...]

    def counted(self, trial: Trial, reference: Trial) -> Counted:
        """Return what a candidate makes of them."""
        pairs = list(zip(self.is_ok, trial.outcomes, reference.outcomes, strict=True))
        passes = [(is_ok, mine is Outcome.PASS, its is Outcome.PASS) for is_ok, mine, its in pairs]
        return Counted(
            n=len(pairs),
            escapes=sum(mine and not is_ok for is_ok, mine, _ in passes),
            false_rejects=sum(is_ok and not mine for is_ok, mine, _ in passes),
            flips=tuple(name for name, (_, mine, its) in zip(self.names, passes, strict=True) if mine is not its),
            let_through=tuple(
                name
                for name, (is_ok, mine, its) in zip(self.names, passes, strict=True)
                if mine and not its and not is_ok
            ),
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """What one candidate makes of labelled pictures; what is not PASS is rejected."""

    n: int
    escapes: int
    """Defects that pass."""
    false_rejects: int
    """Good parts that do not."""
    flips: tuple[str, ...]
    """Pictures that the reference decides otherwise."""
    let_through: tuple[str, ...]
    """Defects among them that the reference rejects."""

    @property
    def fault(self) -> str:
        """Why it may not judge parts; empty when it may."""
        if self.let_through:
            return f"lets {self.let_through[0]} pass, a defect that the reference rejects{_more(self.let_through)}"
        if len(self.flips) > MOST_FLIPS * self.n:
            share = f"{len(self.flips) / self.n:.1%} of the verdicts, {MOST_FLIPS:.1%} are allowed"
            few = f"; of fewer than {1 / MOST_FLIPS:.0f} pictures none may change" if self.n * MOST_FLIPS < 1 else ""
            return f"changes {share}: {self.flips[0]}{_more(self.flips)}{few}"
        return ""


def reference_of(trials: Sequence[Trial]) -> Trial | None:
    """Return what all are compared with: the simplest that is proven, cpu fp32 nearly everywhere; None for none."""
    return next((trial for trial in trials if trial.is_proven), None)


def allowed(trials: Sequence[Trial], labels: Labels | None) -> list[Trial]:
    """Return the trials with those refused whose verdicts on labelled pictures differ too much from the reference's."""
    reference = reference_of(trials)
    if labels is None or reference is None:
        return list(trials)
    faults = [labels.counted(trial, reference).fault if trial.is_proven else "" for trial in trials]
    return [
        replace(trial, standing=Standing.REFUSED, why=fault) if fault else trial
        for trial, fault in zip(trials, faults, strict=True)
    ]


def is_surely_faster(trial: Trial, than: Trial) -> bool:
    """Return whether a candidate is faster than another beyond this computer's noise."""
    found = ratio(trial, than)
    return found is not None and found.low >= SURELY


def recommended(trials: Sequence[Trial]) -> Trial | None:
    """Return the one that a line should run on; None where none is proven.

    Args:
        trials: The simplest first; of `allowed`.
    """
    proven = [trial for trial in trials if trial.is_proven]
    fastest = max(proven, key=lambda trial: trial.tiles_per_s, default=None)
    if fastest is None:
        return None
    return next(trial for trial in proven if not is_surely_faster(fastest, trial))


def remarks(trials: Sequence[Trial]) -> Iterator[str]:
    """Yield what a person would not expect of the figures: INT8 that is not worth its rounding."""
    fp32 = {trial.candidate.provider: trial for trial in trials if trial.candidate.precision == "fp32" and trial.turns}
    for trial in trials:
        exact = fp32.get(trial.candidate.provider)
        if trial.candidate.precision == "fp32" or exact is None or not trial.turns:
            continue
        found, name = ratio(trial, exact), trial.candidate.precision
        if found is not None and not is_surely_faster(trial, exact):
            how = "slower" if is_surely_faster(exact, trial) else "not surely faster"
            bounds = f"{found.low:.2f} to {found.high:.2f} in half of {found.n} rounds"
            yield f"{name} is {how} here on {trial.candidate.provider}: {found.median:.2f}x of fp32 ({bounds})"


def _more(names: Sequence[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
