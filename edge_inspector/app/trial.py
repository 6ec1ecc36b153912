"""What was found about one engine in one precision. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from edge_inspector.core.verdict import Outcome
from edge_inspector.infer.candidates import Candidate


class Standing(StrEnum):
    """How a candidate came out."""

    PROVEN = "proven"
    REFUSED = "refused"
    """It runs, and answers otherwise than it may."""
    ABSENT = "absent"
    """It cannot be loaded here."""
    FAILED = "failed"
    """It ended, hung or broke."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a candidate says of itself once its golden tiles are replayed."""

    load_s: float
    proof_s: float
    tolerance_used: float
    """By the worst golden tile: 1 is all that the bundle allows."""
    memory_mib: float
    """Of its process, shared pages counted by their share."""
    n_tiles: int
    """Of one part."""
    chunks: tuple[int, ...]
    """Tiles of each call for the first camera's picture."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a candidate did when it was its turn."""

    parts: int
    wall_s: float
    part_us: tuple[int, ...]
    """Microseconds from picture to judgement, of each part."""

    @property
    def rate(self) -> float:
        """Parts per second."""
        return self.parts / self.wall_s


@dataclass(frozen=True, slots=True)
class Trial:
    """All that was found about one candidate."""

    candidate: Candidate
    standing: Standing
    why: str = ""
    """For people; empty for what is proven."""
    facts: Facts | None = None
    """None where it never got so far."""
    turns: tuple[Turn, ...] = ()
    """One for each round, in their order; fewer where it failed on the way."""
    outcomes: tuple[Outcome, ...] = ()
    """Of the labelled pictures, in their order; empty where there are none or it never got so far."""

    @property
    def is_proven(self) -> bool:
        """Whether it may judge parts."""
        return self.standing is Standing.PROVEN

    @property
    def tiles_per_s(self) -> float:
        """Median of the rounds."""
        assert self.facts is not None  # it had turns
        return statistics.median(turn.rate for turn in self.turns) * self.facts.n_tiles

    def part_ms(self, share: float) -> float:
        """Return the time within which so many of the parts were judged: 0.5 for the median."""
        times = sorted(us for turn in self.turns for us in turn.part_us)
        return times[min(len(times) - 1, int(share * len(times)))] / 1e3

    @property
    def n_parts(self) -> int:
        """Parts that were timed."""
        return sum(turn.parts for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure measured several times."""

    median: float
    low: float
    """A quarter of the times it was lower."""
    high: float
    """A quarter of the times it was higher."""
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return it; of one value or more."""
        low, median, high = _quartiles(values)
        return cls(median, low, high, len(values))

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {"median": round(self.median, 3), "low": round(self.low, 3), "high": round(self.high, 3), "n": self.n}


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


def ratio(trial: Trial, to: Trial) -> Spread | None:
    """Return how many times as fast as another a candidate is, of each round; None where they had no round together."""
    found = [mine.rate / others.rate for mine, others in zip(trial.turns, to.turns, strict=False)]
    return Spread.of(found) if found else None
