"""The service endpoint: hello and status for clients that ask. One thread of main owns it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import zmq

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.verdict import LineState
from edge_inspector.signal.guard import Guard
from edge_inspector.signal.handshakes import HandshakeWatch
from edge_inspector.signal.message import encode_body
from edge_inspector.signal.peers import Peer, claim_fault, peer_of
from edge_inspector.signal.rebinding import Rebinding
from edge_inspector.signal.sockets import bound

MAX_REQUEST_BYTES = 65536
"""A larger request is cut off by ZeroMQ, which drops the connection."""
STEP_MS = 100


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What main knows at this moment."""

    line: str
    epoch: int
    lease_ms: int
    head_seq: int
    state: LineState
    """As telemetry says it: after the lease it is not what the last heartbeat said."""
    heartbeat: dict[str, Any] | None
    """Body of the newest heartbeat; None before the first."""
    heartbeat_ns: int
    """When it was sent, monotonic."""

    def age_ms(self) -> int | None:
        """Age of the newest heartbeat; None before the first."""
        return None if self.heartbeat is None else (monotonic_ns() - self.heartbeat_ns) // 1_000_000

    def is_ready(self) -> bool:
        """Whether the line is ready and said so within the lease."""
        age_ms = self.age_ms()
        return self.heartbeat is not None and age_ms is not None and age_ms <= self.lease_ms and self.heartbeat["ready"]


class Service:
    """A ROUTER socket that answers one JSON object per request. Bad requests get an answer, never a crash."""

    def __init__(self, endpoint: str, facts: Callable[[], ServiceFacts], guard: Guard | None = None) -> None:
        """Bind.

        Args:
            endpoint: ZeroMQ address.
            facts: Gives what to answer with; called in the thread that calls `step`.
            guard: Encrypts, and says who asks; None for whoever reaches the address.

        Raises:
            EndpointError: The address cannot be bound.
        """
        self._facts, self._guard = facts, guard
        self._socket = bound(zmq.ROUTER, endpoint, "service", {zmq.MAXMSGSIZE: MAX_REQUEST_BYTES}, guard)
        self._rebinding = Rebinding(self._socket, "service", guard)
        self._handshakes = HandshakeWatch(self._socket, "service", guard)

    def __enter__(self) -> Self:
        """Return itself; bound already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._handshakes.close()
        self._socket.close()

    def step(self) -> bool:
        """Answer one request; False if none came within 0.1 s."""
        self._rebinding.step()
        self._handshakes.step()
        if not self._socket.poll(self._rebinding.wait_ms(STEP_MS)):
            return False
        message = self._socket.recv_multipart(copy=False)  # as frames, which know whose connection they came by
        peer = peer_of(message, self._guard)
        sender, *rest = (frame.bytes for frame in message)
        # A REQ socket puts an empty frame before its request and wants it back; a DEALER may or may not.
        delimiter = [b""] if len(rest) > 1 and rest[0] == b"" else []
        answer = self._answer(rest[len(delimiter) :], peer)
        self._socket.send_multipart([sender, *delimiter, encode_body(answer)], flags=zmq.NOBLOCK)
        return True

    def _answer(self, frames: list[bytes], peer: Peer | None) -> dict[str, Any]:
        if len(frames) != 1:
            return _bad(None, f"a request is one frame, this has {len(frames)}")
        try:
            request = json.loads(frames[0])
        except (ValueError, RecursionError):
            return _bad(None, "the request is not JSON")
        if not isinstance(request, dict):
            return _bad(None, "the request is not a JSON object")
        number = request.get("id")
        if not isinstance(number, int | str | None):
            return _bad(None, "id must be a number or a text")
        if fault := claim_fault(peer, request.get("consumer")):
            return _bad(number, fault)
        match request.get("op"):
            case "hello":
                return {"id": number, **self._hello()}
            case "status":
                return {"id": number, **self._status()}
            case op:
                return _bad(number, f"unknown op {str(op)[:40]!r}; this version answers hello and status")

    def _hello(self) -> dict[str, Any]:
        facts = self._facts()
        heartbeat = facts.heartbeat or {}
        # Without a journal nothing can be replayed: the tail stands one past the head.
        numbers = {
            "epoch": facts.epoch,
            "tail_seq": facts.head_seq + 1,
            "head_seq": facts.head_seq,
            "durable_seq": heartbeat.get("durable_seq", 0),
        }
        return {
            "schema": "insp/1",
            "line": facts.line,
            "epoch": facts.epoch,
            "state": facts.state.wire_name,
            "ready": facts.is_ready(),
            "lease_ms": facts.lease_ms,
            "hb_age_ms": facts.age_ms(),
            "epochs": [numbers],
        }

    def _status(self) -> dict[str, Any]:
        facts = self._facts()
        return {"heartbeat": facts.heartbeat, "hb_age_ms": facts.age_ms(), "consumers": []}


def _bad(number: int | str | None, detail: str) -> dict[str, Any]:
    return {"id": number, "error": "bad_request", "detail": detail}
