"""What bypass and drill mode have in common: who asked, why, for how long, and until when an answer is of use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from edge_inspector.core.clock import monotonic_ns, utc_us_at
from edge_inspector.run.control import Answer, Peer
from edge_inspector.run.memory import LineMemory, Word

MINUTE_NS = 60_000_000_000
REASON_CHARACTERS = 200
TOO_LATE = "the request is too late: nobody waits for its answer any more"


class Tell(Protocol):
    """Keeps an event for main's loop to announce."""

    def __call__(self, name: str, severity: str, detail: str, **extra: object) -> None:
        """Any thread."""
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """One time in a mode: who asked for it, why, and until when."""

    by: str
    reason: str
    minutes: float
    until_ns: int
    until_utc_us: int

    @classmethod
    def of(cls, request: Mapping[str, Any], peer: Peer) -> Grant:
        """Return what a request in which nothing is wrong asks for, from now on."""
        minutes = float(request["minutes"])
        until_ns = monotonic_ns() + round(minutes * MINUTE_NS)
        return cls(str(peer), request.get("reason", ""), minutes, until_ns, utc_us_at(until_ns))

    def fields(self) -> dict[str, Any]:
        """Return what the audit log and the event say of it."""
        return {
            "by": self.by,
            "reason": self.reason,
            "minutes": self.minutes,
            "until_utc_us": self.until_utc_us,
            "until_utc": datetime.fromtimestamp(self.until_utc_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def what_is_wrong(
    request: Mapping[str, Any], mode: str, is_allowed: bool, most_minutes: float, memory: LineMemory
) -> str | None:
    """Return why a request for a time in a mode is refused; None when it is not.

    Args:
        request: With `minutes`, `reason`, and `by_ns`: when its asker stops waiting.
        mode: Name of the section of the configuration.
        is_allowed: Its `allowed`.
        most_minutes: Its `max_minutes`.
        memory: Of the line.
    """
    minutes, reason = request.get("minutes"), request.get("reason", "")
    if not is_allowed:
        return f"{mode} is not allowed on this line: {mode}.allowed is false in its configuration"
    if memory.read(Word.HALT_NS):
        return "the line is stopping"
    if is_too_late(request):  # main stood still meanwhile
        return TOO_LATE
    if not isinstance(minutes, int | float) or isinstance(minutes, bool):
        return f"minutes must be a number, not {minutes!r:.40}"
    if not 0 < minutes <= most_minutes:  # so written that NaN is refused
        return f"{minutes!r:.40} min is not above 0 and at most {most_minutes:g}, the line's {mode}.max_minutes"
    if not isinstance(reason, str) or len(reason) > REASON_CHARACTERS or not reason.isprintable():
        return f"a reason is at most {REASON_CHARACTERS} printable characters; shorten it"
    return None


def is_too_late(request: Mapping[str, Any]) -> bool:
    """Return whether who asked has been told by now that it failed: then it must not work after all."""
    by_ns = request.get("by_ns")
    return isinstance(by_ns, int) and monotonic_ns() > by_ns


def refused(why: str) -> Answer:
    """Return the answer to a request that nobody may or can ask."""
    return {"ok": False, "refused": True, "error": why}


def who(peer: Peer) -> dict[str, Any]:
    """Return what the audit log says of a person."""
    return {"user": peer.user, "uid": peer.uid, "pid": peer.pid, "login": peer.login}
