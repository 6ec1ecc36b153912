"""A subscriber to one line: messages as they come, in one thread."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import zmq

from edge_inspector.client.curve import Refusals, curve_options
from edge_inspector.client.key_file import KeyFile
from edge_inspector.client.wire import Header, WireError, kind_of, topic


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

    def __init__(self, line: str | None, endpoints: list[str], key: KeyFile | None = None) -> None:
        """Connect.

        Args:
            line: Name of the line; None for whatever line sends there.
            endpoints: Addresses of signals, telemetry or both.
            key: For encrypted addresses; None for plain ones.

        Raises:
            KeyFileError: The key file is not that of a client.
        """
        secured = curve_options(key) if key is not None else {}
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        for option, value in secured.items():
            self._socket.setsockopt(option, value)
        # One prefix: thousands of filters would be bounded by the high-water mark on a reconnect.
        self._socket.setsockopt(zmq.SUBSCRIBE, topic(line) if line else b"insp.v1.")
        self._socket.setsockopt(zmq.RCVHWM, 100_000)
        # A daemon that restarts is heard again within 50 ms, but an absent one is not hammered.
        self._socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        self._socket.setsockopt(zmq.LINGER, 0)
        if any("[" in endpoint for endpoint in endpoints):
            self._socket.setsockopt(zmq.IPV6, 1)
        self._refusals = Refusals(self._socket)
        self.refused: str | None = None
        """Why the line does not let this client in, in words; None since the last message, and while it does."""
        for endpoint in endpoints:
            self._socket.connect(endpoint)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message; None if none came within the time.

        Raises:
            WireError: The message is not of this protocol.
        """
        if not self._socket.poll(int(timeout_s * 1000)):
            self.refused = self._refusals.take() or self.refused
            return None
        frames = self._socket.recv_multipart()
        self.refused = None
        if len(frames) != 3:
            raise WireError(f"message has {len(frames)} frames, not 3")
        try:
            body = json.loads(frames[2])
        except (ValueError, RecursionError) as error:
            raise WireError(f"body is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise WireError("body is not a JSON object")
        return Message(kind_of(frames[0]), Header.parse(frames[1]), body)

    def __enter__(self) -> Self:
        """Return itself; connected already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        self._refusals.close()
        self._socket.close()


def ask(endpoint: str, request: dict[str, Any], timeout_s: float, key: KeyFile | None = None) -> dict[str, Any] | None:
    """Send one request to a line's service endpoint and return the answer; None if none came within the time.

    With the key of this client where the endpoint is encrypted; raises KeyFileError when that is none.
    """
    secured = curve_options(key) if key is not None else {}
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    try:
        socket.setsockopt(zmq.LINGER, 0)
        for option, value in secured.items():
            socket.setsockopt(option, value)
        socket.connect(endpoint)
        socket.send(json.dumps(request).encode())
        if not socket.poll(int(timeout_s * 1000)):
            return None
        answer: dict[str, Any] = json.loads(socket.recv())
        return answer
    finally:
        socket.close()
