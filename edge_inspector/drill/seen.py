"""What a witness saw of a line while a plug was pulled. Plain data; moments are µs of the monotonic clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat."""

    at_us: int
    epoch: int
    head_seq: int
    is_ready: bool
    is_drill: bool
    lease_us: int
    faults: tuple[str, ...]
    missing: int
    """triggers - passes - rejects - unknowns - in_flight: 0, always (law 1)."""
    in_flight: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A verdict, as it was sent."""

    at_us: int
    epoch: int
    seq: int
    reason: str
    may_release: bool
    """PASS, live, in time."""
    is_live: bool
    is_drill: bool


@dataclass(frozen=True, slots=True)
class Acted:
    """What the gate did with a part."""

    at_us: int
    is_release: bool
    why: str
    seq: int | None
    """The verdict that it went by; None for none."""
    part: int = 0
    """The gate's number of the part."""


@dataclass(frozen=True, slots=True)
class Arming:
    """The gate armed or disarmed."""

    at_us: int
    is_armed: bool
    why: str


@dataclass(frozen=True, slots=True)
class Record:
    """What a subscriber that misses nothing has of an epoch."""

    epoch: int
    first: int
    last: int
    rows: int
    twice: int = 0
    """Rows that one life of it was given twice: none, ever."""
    again: int = 0
    """Rows that were told again after it was killed, and recognised by their number."""
    lost: int = 0
    """Rows that it was told it cannot have any more."""

    @property
    def is_whole(self) -> bool:
        """Whether every number from the first to the last is there once."""
        return self.rows == self.last - self.first + 1 and not self.twice and not self.lost


@dataclass(slots=True)
class Seen:
    """Everything from shortly before a plug was pulled until the line was back, or was given up."""

    pulled_us: int = 0
    ended_us: int = 0
    hold_us: int = 0
    """How long the witness keeps a verdict before it acts on it."""
    blind_us: int = 0
    """The longest time for which the witness itself stood still: this computer was busy."""
    was_armed: bool = False
    """When the plug was pulled."""
    period_us: int | None = None
    """Between two parts; None where none came."""
    beats: list[Beat] = field(default_factory=list)
    verdicts: list[Heard] = field(default_factory=list)
    parts: list[tuple[int, int]] = field(default_factory=list)
    """(moment, number) of each part that came to the gate's sensor."""
    acts: list[Acted] = field(default_factory=list)
    armings: list[Arming] = field(default_factory=list)
    records: dict[int, Record] = field(default_factory=dict)
    """By epoch."""

    def reasons(self) -> Mapping[str, int]:
        """Return how often each reason was heard after the pull."""
        return Counter(one.reason for one in self.verdicts if one.at_us >= self.pulled_us)

    def disarmed_us(self) -> int | None:
        """Return how long after the pull the gate disarmed; None if it did not."""
        if not self.was_armed:
            return 0
        moments = (one.at_us - self.pulled_us for one in self.armings if not one.is_armed)
        return next((each for each in moments if each >= 0), None)

    def back_us(self) -> int | None:
        """Return how long after the pull the gate was armed for good; 0 if it never was not, None while it is not."""
        after = [one for one in self.armings if one.at_us >= self.pulled_us]
        if not after:
            return 0 if self.was_armed else None
        return after[-1].at_us - self.pulled_us if after[-1].is_armed else None
