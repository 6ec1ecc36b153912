"""Handshakes that fail before anybody is asked: plain clients, clients with another key of the line, half ones.

ZeroMQ tells them over a socket whose other end must be read: its own thread waits where that is full (measured:
some 2000 bad connections silence the endpoint), so it has no bound here. Signals are told of no failed handshake,
only who came and went: reading must not cost a verdict its time; it counts what the authenticator refuses.
"""

from __future__ import annotations

import struct

import zmq

from edge_inspector.core.logs import get_log
from edge_inspector.signal.connections import Connections
from edge_inspector.signal.guard import Endpoint, Guard, Refusal

log = get_log(__name__)

MOST_AT_ONCE = 2000
"""Some 10 ms of work, 20 times a second: more than ZeroMQ can accept meanwhile, so that they never pile up."""
MOST_BEFORE_A_VERDICT = 50
"""Half a millisecond."""
_EVENT = struct.Struct("=HI")  # event and value, without padding: zmq_socket_monitor(3)
_FAILURES = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
_COMINGS = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED
_OTHER_MECHANISM = 0x11000002  # ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH, zmq.h
_CRYPTOGRAPHIC = 0x11000001  # ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC


class HandshakeWatch:
    """Counts the failed handshakes of one socket. Owned by that socket's thread.

    Attributes:
        failed: Handshakes that failed before anybody was asked; with keys the guard has them by reason.
        disconnected: Connections that ended.
    """

    def __init__(
        self, socket: zmq.Socket[bytes], endpoint: Endpoint, guard: Guard | None, connections: Connections
    ) -> None:
        """Begin to watch a bound socket; nobody else may, it has one monitor. Without a guard it only counts.

        Args:
            socket: Bound.
            endpoint: Which one it is.
            guard: Counts by reason; None for an endpoint without keys.
            connections: Is told who comes and goes, and looks at them.
        """
        self._socket, self._endpoint, self._guard, self._connections = socket, endpoint, guard, connections
        self.failed = self.disconnected = 0
        address = f"inproc://handshakes-{endpoint}-{id(self)}"
        socket.monitor(address, _COMINGS if endpoint == "signals" else _COMINGS | _FAILURES)
        self._events: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PAIR)
        self._events.setsockopt(zmq.LINGER, 0)
        self._events.setsockopt(zmq.RCVHWM, 0)  # without a bound: ZeroMQ's thread must never wait for this one
        self._events.connect(address)

    def step(self) -> None:
        """Count what has happened since; call it at least ten times a second."""
        self._read()
        self._connections.step()

    def _read(self) -> None:
        for _ in range(MOST_AT_ONCE if self._endpoint != "signals" else MOST_BEFORE_A_VERDICT):
            try:
                head, _address = self._events.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            event, value = _EVENT.unpack(head)
            if event == zmq.EVENT_ACCEPTED:
                self._connections.came(value)
                continue
            if event == zmq.EVENT_DISCONNECTED:
                self._connections.went(value)
                self.disconnected += 1
                continue
            self.failed += 1
            if self._guard is None:
                log.warning("handshake_failed", endpoint=self._endpoint, why="not_zeromq")
                continue
            reason = _reason(event, value)
            self._guard.count_refusal(self._endpoint, reason)
            log.warning("handshake_failed", endpoint=self._endpoint, why=reason)

    def close(self) -> None:
        """Stop watching; before the socket is closed."""
        self._socket.disable_monitor()
        self._events.close()


def _reason(event: int, value: int) -> Refusal:
    if event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return "wrong_server_key" if value == _CRYPTOGRAPHIC else "not_curve"
    return "unfinished"
