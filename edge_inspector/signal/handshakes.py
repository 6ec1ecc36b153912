"""Handshakes that fail before anybody is asked: plain clients, clients with another key of the line, half ones.

For endpoints of the main process alone. ZeroMQ tells them over a socket whose other end must be read: its own thread
waits where that is full (measured: some 2000 bad connections silence the endpoint). It must never stand in the way of a
verdict, so the signals endpoint counts only what the authenticator refuses.
"""

from __future__ import annotations

import struct

import zmq

from edge_inspector.core.logs import get_log
from edge_inspector.signal.guard import Endpoint, Guard, Refusal

log = get_log(__name__)

MOST_AT_ONCE = 2000
"""Some 10 ms of work, 20 times a second: more than ZeroMQ can accept meanwhile, so that they never pile up."""
_EVENT = struct.Struct("=HI")  # event and value, without padding: zmq_socket_monitor(3)
_WATCHED = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED
_OTHER_MECHANISM = 0x11000002  # ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH, zmq.h
_CRYPTOGRAPHIC = 0x11000001  # ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC


class HandshakeWatch:
    """Counts the failed handshakes of one socket. Owned by that socket's thread.

    Attributes:
        failed: Handshakes that failed before anybody was asked; with keys the guard has them by reason.
        disconnected: Connections that ended.
    """

    def __init__(self, socket: zmq.Socket[bytes], endpoint: Endpoint, guard: Guard | None) -> None:
        """Begin to watch a bound socket; nobody else may, it has one monitor. Without a guard it only counts."""
        self._socket, self._endpoint, self._guard = socket, endpoint, guard
        self.failed = self.disconnected = 0
        address = f"inproc://handshakes-{endpoint}-{id(self)}"
        socket.monitor(address, _WATCHED)
        self._events: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PAIR)
        self._events.setsockopt(zmq.LINGER, 0)
        self._events.setsockopt(zmq.RCVHWM, 0)  # without a bound: ZeroMQ's thread must never wait for this one
        self._events.connect(address)

    def step(self) -> None:
        """Count what has happened since; call it at least ten times a second."""
        for _ in range(MOST_AT_ONCE):
            try:
                head, _address = self._events.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            event, value = _EVENT.unpack(head)
            if event == zmq.EVENT_DISCONNECTED:
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
