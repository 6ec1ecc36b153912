"""A subscriber to one line: messages as they come, in one thread."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import zmq
from zmq.utils.monitor import recv_monitor_message

from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.notice import Notice, NoticeName
from edge_inspector.client.wire import Header, WireError, kind_of, topic

log = logging.getLogger("edge_inspector.client")

_REFUSALS = {
    int(zmq.EVENT_HANDSHAKE_FAILED_AUTH): "the line does not know this key, or it was revoked",
    int(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL): "the line has another key than the one given, or keys where none are",
    int(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL): "one side has keys and the other has not, or it is no ZeroMQ",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a line."""

    kind: str
    """`verdict`, `hb`, `state`, `event` or `metrics`."""
    header: Header
    body: dict[str, Any]


class Subscriber:
    """Hears signals and telemetry of one line. Not for a gate: it keeps no lease and asks for no replay.

    Use it as a context manager, from one thread. Connecting succeeds before the daemon is up; ZeroMQ retries.
    """

    def __init__(
        self,
        line: str | None,
        endpoints: list[str],
        *,
        keys: ClientKeys | None = None,
        on_notice: Callable[[Notice], None] | None = None,
    ) -> None:
        """Connect.

        Args:
            line: Name of the line; None for whatever line sends there.
            endpoints: Addresses of signals, telemetry or both.
            keys: None for a line without keys.
            on_notice: Told, inside `receive`, that the line refuses this client; None writes it to the log.
        """
        self._on_notice = on_notice or _to_log
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        # One prefix: thousands of filters would be bounded by the high-water mark on a reconnect.
        self._socket.setsockopt(zmq.SUBSCRIBE, topic(line) if line else b"insp.v1.")
        self._socket.setsockopt(zmq.RCVHWM, 100_000)
        # A daemon that restarts is heard again within 50 ms, but an absent one is not hammered.
        self._socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        self._socket.setsockopt(zmq.LINGER, 0)
        if keys is not None:
            keys.apply(self._socket)
        if any("[" in endpoint for endpoint in endpoints):
            self._socket.setsockopt(zmq.IPV6, 1)
        self._monitor: zmq.Socket[bytes] = self._socket.get_monitor_socket(sum(_REFUSALS))
        for endpoint in endpoints:
            self._socket.connect(endpoint)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message; None if none came within the time.

        Raises:
            WireError: The message is not of this protocol.
        """
        is_there = self._socket.poll(int(timeout_s * 1000))
        self._look()
        if not is_there:
            return None
        frames = self._socket.recv_multipart()
        if len(frames) != 3:
            raise WireError(f"message has {len(frames)} frames, not 3")
        try:
            body = json.loads(frames[2])
        except (ValueError, RecursionError) as error:
            raise WireError(f"body is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise WireError("body is not a JSON object")
        return Message(kind_of(frames[0]), Header.parse(frames[1]), body)

    def _look(self) -> None:
        """Hear what ZeroMQ's receive does not tell: that the line refuses the connection."""
        while self._monitor.poll(0):
            why = _REFUSALS[int(recv_monitor_message(self._monitor)["event"])]
            self._on_notice(Notice(NoticeName.REFUSED, f"signals: {why}"))

    def __enter__(self) -> Self:
        """Return itself; connected already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close()


def ask(
    endpoint: str, request: dict[str, Any], timeout_s: float, keys: ClientKeys | None = None
) -> dict[str, Any] | None:
    """Send one request to a line's service endpoint and return the answer; None if none came within the time."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    try:
        socket.setsockopt(zmq.LINGER, 0)
        if keys is not None:
            keys.apply(socket)
        socket.connect(endpoint)
        socket.send(json.dumps(request).encode())
        if not socket.poll(int(timeout_s * 1000)):
            return None
        answer: dict[str, Any] = json.loads(socket.recv())
        return answer
    finally:
        socket.close()


def _to_log(notice: Notice) -> None:
    log.warning("%s: %s", notice.name, notice.detail)
