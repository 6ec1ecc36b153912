"""Requests of the service endpoint: from bytes that anybody may have sent to plain values, or to words of refusal."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from edge_inspector.signal.authorized import Role
from edge_inspector.signal.peers import Peer, claim_fault, consumer_of

MAX_REQUEST_BYTES = 65536
"""A larger frame costs the connection."""
MAX_INTEGER = 2**53
MAX_EPOCH = 2**32
OUTCOMES = ("fired", "released", "late", "missed", "unknown_part", "confirmed", "not_confirmed")
"""What a gate may say that became of a part."""

_NAMED_BY = ("seq", "part_id", "enc")
_CONSUMER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MISSING = object()

Id = int | str | None


class BadRequest(Exception):  # noqa: N818 - an answer, not an error
    """Raised for a request that gets the answer `bad_request`."""

    def __init__(self, number: Id, detail: str) -> None:
        self.number, self.detail = number, detail
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Hello:
    """Who are you, are you ready, what can be replayed."""

    number: Id
    consumer: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """How is the line, and how far are its consumers."""

    number: Id


@dataclass(frozen=True, slots=True)
class Replay:
    """Verdicts `first` to `last` of an epoch."""

    number: Id
    epoch: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """What a gate did with one part."""

    named_by: str
    """`seq`, `part_id` or `enc`."""
    value: int
    outcome: str
    """One of OUTCOMES."""


@dataclass(frozen=True, slots=True)
class Ack:
    """A consumer has all verdicts of an epoch up to a number."""

    number: Id
    consumer: str
    epoch: int
    upto: int
    outcomes: tuple[GateOutcome, ...]


Request = Hello | Status | Replay | Ack


def parse_request(frames: list[bytes], peer: Peer | None = None) -> Request:
    """Return the request of a message, the delimiter taken off.

    Args:
        frames: Of the message.
        peer: Owner of the connection's key, whose name is the consumer's; None where any name is believed.

    Raises:
        BadRequest: It is none, or not one that this peer may make; with the id where one could be read.
    """
    if len(frames) != 1:
        raise BadRequest(None, f"a request is one frame, this has {len(frames)}")
    asked = _object(frames[0])
    number = asked.get("id")
    if not isinstance(number, int | str | None) or isinstance(number, bool):
        raise BadRequest(None, "id must be a number or a text")
    op, consumer = asked.get("op"), asked.get("consumer")
    if fault := claim_fault(peer, consumer, Role.GATE if op == "ack" else Role.READ):
        raise BadRequest(number, fault)
    if peer is not None:
        asked["consumer"] = consumer_of(peer, consumer)
    try:
        return _request(asked, number)
    except ValueError as error:
        raise BadRequest(number, str(error)) from error


def _object(frame: bytes) -> dict[str, Any]:
    try:
        # Decoded here: json would also take UTF-16.
        asked = json.loads(frame.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest(None, "the request is not JSON in UTF-8") from error
    if not isinstance(asked, dict):
        raise BadRequest(None, "the request is not a JSON object")
    return asked


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _request(asked: dict[str, Any], number: Id) -> Request:
    match asked.get("op"):
        case "hello":
            return Hello(number, _consumer(asked) if "consumer" in asked else None)
        case "status":
            return Status(number)
        case "replay":
            return _replay(asked, number)
        case "ack":
            outcomes = _outcomes(asked.get("outcomes", []))
            epoch, upto = _integer(asked, "epoch", 0, MAX_EPOCH), _integer(asked, "upto", 0, MAX_INTEGER)
            return Ack(number, _consumer(asked), epoch, upto, outcomes)
        case op:
            raise ValueError(f"unknown op {str(op)[:40]!r}; there are hello, replay, ack and status")


def _replay(asked: dict[str, Any], number: Id) -> Replay:
    epoch = _integer(asked, "epoch", 0, MAX_EPOCH)
    first, last = _integer(asked, "from", 1, MAX_INTEGER), _integer(asked, "to", 0, MAX_INTEGER)
    if last < first - 1:  # one less is what a client asks that has everything: nothing, and no mistake
        raise ValueError(f"from {first} is over to {last}")
    return Replay(number, epoch, first, last)


def _outcomes(given: object) -> tuple[GateOutcome, ...]:
    if not isinstance(given, list):
        raise ValueError("outcomes must be a list")
    return tuple(_outcome(each) for each in given)


def _outcome(given: object) -> GateOutcome:
    if not isinstance(given, dict):
        raise ValueError("each of outcomes must be an object")
    outcome = given.get("outcome")
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome {str(outcome)[:40]!r} is none of {', '.join(OUTCOMES)}")
    for name in _NAMED_BY:
        if name in given:
            least = -MAX_INTEGER if name == "enc" else 1
            return GateOutcome(name, _integer(given, name, least, MAX_INTEGER), str(outcome))
    raise ValueError(f"each of outcomes names its part by {', '.join(_NAMED_BY)}")


def _integer(given: dict[str, Any], key: str, least: int, below: int) -> int:
    value = given.get(key, _MISSING)
    if value is _MISSING:
        raise ValueError(f"{key} is missing")
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{key} must be a whole number")
    if not least <= value < below:
        raise ValueError(f"{key} must be from {least} to {below - 1}")
    return value


def _consumer(given: dict[str, Any]) -> str:
    name = given.get("consumer")
    if not isinstance(name, str) or not _CONSUMER.fullmatch(name):
        raise ValueError("consumer must be 1 to 64 letters, digits, dots, dashes or underscores")
    return name
