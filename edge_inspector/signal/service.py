"""The service endpoint: hello, replay, acknowledgements and status for clients that ask. One thread of main owns it."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import zmq

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.logs import get_log
from edge_inspector.signal.answers import Answers, ServiceCounts, ServiceFacts
from edge_inspector.signal.authorized import Role
from edge_inspector.signal.connections import Connections
from edge_inspector.signal.consumers import Consumers
from edge_inspector.signal.guard import Guard
from edge_inspector.signal.handshakes import HandshakeWatch
from edge_inspector.signal.journal_reader import JournalReader
from edge_inspector.signal.peers import Peer, claim_fault, peer_of
from edge_inspector.signal.rebinding import Rebinding
from edge_inspector.signal.requests import MAX_REQUEST_BYTES, Ack, BadRequest, Request, parse_request
from edge_inspector.signal.sockets import bound, connection_of
from edge_inspector.signal.turns import MAX_WAITING, Asked, Turns

__all__ = ["MAX_REQUEST_BYTES", "Service", "ServiceCounts", "ServiceFacts"]

log = get_log(__name__)

SEND_HWM = 2 * MAX_WAITING
"""Answers that one client may leave untaken; further ones are dropped and counted."""
RECEIVE_HWM = 32
"""Requests of one connection that ZeroMQ takes in before they are asked for, 2 MiB at most."""
BURST_BYTES = 2 << 20
"""What a connection may bring without one whole message being taken: twice the 16 largest requests that may wait. Not
more, since a frame of nothing is 2 bytes on the wire and 64 in memory."""
AT_ONCE = 64
"""Requests taken from the socket before one is answered."""


class Service:
    """A ROUTER socket that answers one JSON object per request. Bad requests get an answer, never a crash."""

    def __init__(
        self,
        endpoint: str,
        facts: Callable[[], ServiceFacts],
        reader: JournalReader,
        consumers: Consumers,
        guard: Guard | None = None,
    ) -> None:
        """Bind.

        Args:
            endpoint: ZeroMQ address.
            facts: Gives what to answer with; called in the thread that calls `step`.
            reader: Of the line's journal.
            consumers: Main's own database; opened and closed with the context.
            guard: Encrypts, and says who asks; None for whoever reaches the address.

        Raises:
            EndpointError: The address cannot be bound.
        """
        self.counts = ServiceCounts()
        self._consumers, self._turns, self._guard = consumers, Turns(), guard
        self._answers = Answers(facts, reader, consumers, self.counts)
        options: dict[int, int] = {
            zmq.MAXMSGSIZE: MAX_REQUEST_BYTES,
            zmq.SNDHWM: SEND_HWM,
            zmq.RCVHWM: RECEIVE_HWM,
            zmq.ROUTER_MANDATORY: 1,  # an answer that nobody takes is an error that can be counted
        }
        self._socket = bound(zmq.ROUTER, endpoint, "service", options, guard)
        self._rebinding = Rebinding(self._socket, "service", guard)
        address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._connections = Connections("service", address, BURST_BYTES)
        self._handshakes = HandshakeWatch(self._socket, "service", guard, self._connections)

    def __enter__(self) -> Self:
        """Open the consumers' database."""
        self._consumers.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._consumers.__exit__(kind, error, trace)
        self._handshakes.close()
        self._socket.close()

    def step(self) -> bool:
        """Answer one request; False if none could be within 0.1 s."""
        self._rebinding.step()
        self._handshakes.step()
        self.counts.handshakes_failed = self._handshakes.failed
        self.counts.disconnected = self._handshakes.disconnected
        self.counts.cut = self._connections.cut
        if self._socket.poll(self._rebinding.wait_ms(self._turns.wait_ms(monotonic_ns()))):
            self._receive()
        asked = self._turns.take(monotonic_ns())
        if asked is None:
            self.counts.postponed += self._turns.is_anybody_waiting
            return False
        self._answer(asked)
        return True

    def _receive(self) -> None:
        for _ in range(AT_ONCE):
            try:
                message = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)  # frames know whose connection they had
            except zmq.Again:
                return
            self._connections.said(connection_of(message[-1]))
            peer = peer_of(message, self._guard)
            sender, *rest = (frame.bytes for frame in message)
            # A REQ socket puts an empty frame before its request and wants it back; a DEALER may or may not.
            delimiter = [b""] if len(rest) > 1 and rest[0] == b"" else []
            frames = rest[len(delimiter) :]
            key_name = None if peer is None else peer.name
            asked = Asked(sender, delimiter, _parsed(frames, peer), sum(map(len, frames)), key_name)
            if not self._turns.put(asked):
                self._send(asked, self._answers.too_many(asked.request.number))

    def _answer(self, asked: Asked) -> None:
        began_ns = time.thread_time_ns()
        request = _still_allowed(asked, self._guard)
        if isinstance(request, BadRequest):
            log.warning("service_request_refused", detail=request.detail)
        self._send(asked, self._answers.to(request))
        self._turns.charge(asked, time.thread_time_ns() - began_ns, monotonic_ns())

    def _send(self, asked: Asked, frames: list[bytes]) -> None:
        try:
            self._socket.send_multipart([asked.peer, *asked.delimiter, *frames], flags=zmq.NOBLOCK)
        except zmq.ZMQError:  # EHOSTUNREACH: it has left. EAGAIN: it takes no answers
            self.counts.unsent += 1


def _still_allowed(asked: Asked, guard: Guard | None) -> Request | BadRequest:
    """Return a request that waited; refused when its key was revoked meanwhile, or may no longer ask this."""
    if guard is None or asked.key_name is None or isinstance(asked.request, BadRequest):
        return asked.request
    peer = Peer(asked.key_name, guard.role_of(asked.key_name))
    fault = claim_fault(peer, None, Role.GATE if isinstance(asked.request, Ack) else Role.READ)
    return asked.request if fault is None else BadRequest(asked.request.number, fault)


def _parsed(frames: list[bytes], peer: Peer | None) -> Request | BadRequest:
    try:
        return parse_request(frames, peer)
    except BadRequest as refusal:
        return refusal
