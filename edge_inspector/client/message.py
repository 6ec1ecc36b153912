"""One message of a line: topic, header and body taken apart."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from edge_inspector.client.wire import Flag, Header, WireError, kind_of


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a line."""

    kind: str
    """`verdict`, `hb`, `state`, `event` or `metrics`; others may come and are to be ignored."""
    header: Header
    body: dict[str, Any]

    @property
    def is_live(self) -> bool:
        """Whether it was sent for the first time. False: replayed, for the record, never to be acted on."""
        return Flag.REPLAYED not in self.header.flags

    def replayed(self) -> Message:
        """Return the same message, marked as replayed."""
        return replace(self, header=replace(self.header, flags=self.header.flags | Flag.REPLAYED))


def parse_message(frames: list[bytes]) -> Message:
    """Take a message apart.

    Raises:
        WireError: It is not of this protocol; says which rule it breaks.
    """
    if len(frames) != 3:
        raise WireError(f"message has {len(frames)} frames, not 3")
    return Message(kind_of(frames[0]), Header.parse(frames[1]), parse_object(frames[2]))


def parse_object(data: bytes) -> dict[str, Any]:
    """Read one JSON object.

    Raises:
        WireError: It is no JSON object, or holds NaN or Infinity.
    """
    try:
        found = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise WireError(f"body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise WireError("body is not a JSON object")
    return found


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not allowed")
