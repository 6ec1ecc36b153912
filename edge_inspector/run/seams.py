"""What the inspect loop is joined with: who it is, and the signals it sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from edge_inspector.core.verdict import NO_SCALE, Heartbeat, Outcome, Scale, Verdict
from edge_inspector.decide.gate import NO_GATE, Gate


class Signals(Protocol):
    """The signals endpoint; used by the loop's thread alone."""

    subscribers: int

    def encode(self, verdict: Verdict, is_ready: bool) -> tuple[bytes, bytes]:
        """Return the body as JSON, and the whole message."""
        ...

    def body(self, message: bytes) -> bytes:
        """Return the body of a message that `encode` made, in any process."""
        ...

    def send(self, message: bytes) -> None:
        """Send; never waits for a client."""
        ...

    def send_again(self, message: bytes) -> None:
        """Send with the replayed flag."""
        ...

    def beat(self, heartbeat: Heartbeat) -> dict[str, Any]:
        """Send a heartbeat, return its body."""
        ...

    def wait(self, wake_fd: int, timeout_s: float) -> None:
        """Wait for the descriptor or the time; attach clients."""
        ...

    def attach(self) -> None:
        """Attach clients."""
        ...


class Guard(Protocol):
    """What lets clients of encrypted endpoints in; works in a thread of its own."""

    @property
    def refused(self) -> Mapping[tuple[str, str], int]:
        """How many were not let in, by endpoint and reason."""
        ...

    def is_alive(self) -> bool:
        """Whether it still does; never waits."""
        ...


@dataclass(frozen=True, slots=True)
class Seeing:
    """One camera of the line, and who judges its pictures."""

    name: str
    model: str
    """name@version of the bundle."""
    model_sha256: str
    scale: Scale = NO_SCALE
    """What its pixels are in mm, and encoder counts."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What every verdict of this run says of itself."""

    line: str
    epoch: int
    cameras: tuple[Seeing, ...]
    """In the order of the configuration."""
    recipe: str
    lease_ms: int
    deadline_ns: int | None
    keep: frozenset[Outcome]
    """Outcomes whose picture evidence wants."""
    gate: Gate = NO_GATE
    """Where the gate acts on a part."""
    bypass_most_ns: int = 0
    """Longest time that bypass may last; 0 where it is not allowed."""
    drill_most_ns: int = 0
    """The same of drill mode."""
    config: str = ""
    """Name of the settings in force; empty to say nothing of them."""
