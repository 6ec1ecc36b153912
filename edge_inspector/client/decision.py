"""What a gate does with a part, and what it tells the line about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why a part was released or rejected."""

    PASS = "pass"
    """It has a live PASS of its own, in time. The only one that releases."""
    REJECT = "reject"
    UNKNOWN = "unknown"
    """The line could not judge it: late, lost, broken, or a verdict that this reader does not know."""
    NO_VERDICT = "no_verdict"
    """Nothing came for it."""
    NOT_ARMED = "not_armed"
    """The line is silent or not ready."""
    LATE = "late"
    """Its verdict came too late to be obeyed, or this program was too late."""
    REFUSED = "refused"
    """Its verdict may not be acted on: simulated, drill, bypass, or it came before the line was lost."""
    AMBIGUOUS = "ambiguous"
    """More than one part, or more than one verdict, fits."""
    ENCODER = "encoder"
    """The gate's own encoder went backwards."""
    OVERFLOW = "overflow"
    """More parts wait between sensor and gate than can be followed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One part at the gate."""

    part: int
    """Count of the gate's own part sensor, from 1."""
    release: bool
    """True: let it pass. False: reject."""
    why: Why
    seen_us: int
    """When the sensor saw it."""
    part_id: int | None = None
    """The line's number of it; None where no single verdict fits."""
    seq: int | None = None
    reason: str = ""
    """The verdict's reason, such as `defect`; empty without a verdict."""


class Result(StrEnum):
    """What became of a verdict, for the line's record."""

    FIRED = "fired"
    """The part was rejected."""
    RELEASED = "released"
    LATE = "late"
    """It came too late to be obeyed; the part was rejected."""
    MISSED = "missed"
    """No part came to the gate's sensor where this one was expected."""
    UNKNOWN_PART = "unknown_part"
    """A part without a verdict; rejected."""
    CONFIRMED = "confirmed"
    """The sensor in the reject chute saw it."""
    NOT_CONFIRMED = "not_confirmed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of an acknowledgement."""

    epoch: int
    result: Result
    seq: int | None = None
    enc: int | None = None
    """Own count of a part that has no verdict."""

    def body(self) -> dict[str, object]:
        """Return it as the protocol writes it."""
        named = {"seq": self.seq} if self.seq is not None else {"enc": self.enc}
        return {**named, "outcome": self.result.value}


@dataclass(slots=True)
class GateCounts:
    """Totals since the gate was made."""

    parts: int = 0
    """Seen by the own sensor and decided: `released` and `rejected` together."""
    released: int = 0
    rejected: int = 0
    no_verdict: int = 0
    """Of the rejected, those for which nothing came, or while the line was silent."""
    late: int = 0
    ambiguous: int = 0
    refused_verdicts: int = 0
    """Live verdicts of the armed line that may not be acted on."""
    unplaced_verdicts: int = 0
    """Live verdicts without a moment or count to expect their part at."""
    outcomes_dropped: int = 0
    """Outcomes that the line could not be told: it did not answer for too long."""
