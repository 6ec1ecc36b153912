"""The service endpoint: hello, replay, acknowledgements and status for clients that ask. One thread of main owns it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import zmq
from zmq.utils.monitor import recv_monitor_message

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.logs import get_log
from edge_inspector.signal.answers import Answers, ServiceCounts, ServiceFacts
from edge_inspector.signal.consumers import Consumers
from edge_inspector.signal.journal_reader import JournalReader
from edge_inspector.signal.requests import MAX_REQUEST_BYTES, BadRequest, Request, parse_request
from edge_inspector.signal.sockets import bound
from edge_inspector.signal.turns import MAX_WAITING, Asked, Turns

__all__ = ["MAX_REQUEST_BYTES", "Service", "ServiceCounts", "ServiceFacts"]

log = get_log(__name__)

SEND_HWM = 2 * MAX_WAITING
"""Answers that one client may leave untaken; further ones are dropped and counted."""
AT_ONCE = 64
"""Requests taken from the socket before one is answered."""
_FAILED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH


class Service:
    """A ROUTER socket that answers one JSON object per request. Bad requests get an answer, never a crash."""

    def __init__(
        self, endpoint: str, facts: Callable[[], ServiceFacts], reader: JournalReader, consumers: Consumers
    ) -> None:
        """Bind.

        Args:
            endpoint: ZeroMQ address.
            facts: Gives what to answer with; called in the thread that calls `step`.
            reader: Of the line's journal.
            consumers: Main's own database; opened and closed with the context.

        Raises:
            EndpointError: The address cannot be bound.
        """
        self.counts = ServiceCounts()
        self._consumers, self._turns = consumers, Turns()
        self._answers = Answers(facts, reader, consumers, self.counts)
        options: dict[int, int] = {
            zmq.MAXMSGSIZE: MAX_REQUEST_BYTES,
            zmq.SNDHWM: SEND_HWM,
            zmq.ROUTER_MANDATORY: 1,  # an answer that nobody takes is an error that can be counted
        }
        self._socket = bound(zmq.ROUTER, endpoint, "service", options)
        self._monitor = self._socket.get_monitor_socket(_FAILED | zmq.EVENT_DISCONNECTED)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)

    def __enter__(self) -> Self:
        """Open the consumers' database."""
        self._consumers.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._consumers.__exit__(kind, error, trace)
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()

    def step(self) -> bool:
        """Answer one request; False if none could be within 0.1 s."""
        ready = dict(self._poller.poll(self._turns.wait_ms(monotonic_ns())))
        if self._monitor in ready:
            self._take_events()
        if self._socket in ready:
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
                sender, *rest = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            # A REQ socket puts an empty frame before its request and wants it back; a DEALER may or may not.
            delimiter = [b""] if len(rest) > 1 and rest[0] == b"" else []
            frames = rest[len(delimiter) :]
            asked = Asked(sender, delimiter, _parsed(frames), sum(map(len, frames)))
            if not self._turns.put(asked):
                self._send(asked, self._answers.too_many(asked.request.number))

    def _answer(self, asked: Asked) -> None:
        began_ns = time.thread_time_ns()
        if isinstance(asked.request, BadRequest):
            log.warning("service_request_refused", detail=asked.request.detail)
        self._send(asked, self._answers.to(asked.request))
        self._turns.charge(asked, time.thread_time_ns() - began_ns, monotonic_ns())

    def _send(self, asked: Asked, frames: list[bytes]) -> None:
        try:
            self._socket.send_multipart([asked.peer, *asked.delimiter, *frames], flags=zmq.NOBLOCK)
        except zmq.ZMQError:  # EHOSTUNREACH: it has left. EAGAIN: it takes no answers
            self.counts.unsent += 1

    def _take_events(self) -> None:
        for _ in range(AT_ONCE):
            with suppress(zmq.Again):
                event = recv_monitor_message(self._monitor, zmq.NOBLOCK)
                if event["event"] == zmq.EVENT_DISCONNECTED:
                    self.counts.disconnected += 1
                else:
                    self.counts.handshakes_failed += 1
                    log.warning("service_connection_refused", detail="it does not speak ZeroMQ, or not this kind")
                continue
            return


def _parsed(frames: list[bytes]) -> Request | BadRequest:
    try:
        return parse_request(frames)
    except BadRequest as refusal:
        return refusal
