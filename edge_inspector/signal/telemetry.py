"""The telemetry endpoint: state, events and metrics. Owned by main's one thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import zmq

from edge_inspector.client.wire import Flag
from edge_inspector.core.verdict import LineState
from edge_inspector.signal.connections import Connections
from edge_inspector.signal.guard import Guard
from edge_inspector.signal.handshakes import HandshakeWatch
from edge_inspector.signal.message import event_body, other_frames, state_body
from edge_inspector.signal.rebinding import Rebinding
from edge_inspector.signal.sockets import LISTENER_BURST_BYTES, bound, connection_of, listener_options


class Telemetry:
    """Sends to whoever listens; never waits for a client.

    The socket is an XPUB, the same as PUB on the wire, since it sees new subscriptions: a client that comes late is
    told the present state and the standing events instead of waiting for the next change.
    """

    def __init__(
        self,
        endpoint: str,
        line: str,
        is_simulated: bool,
        head_seq: Callable[[], int],
        is_bypass: Callable[[], bool] = lambda: False,
        is_drill: Callable[[], bool] = lambda: False,
        guard: Guard | None = None,
        unsigned: Sequence[str] = (),
    ) -> None:
        """Bind.

        Args:
            endpoint: ZeroMQ address.
            line: Name of the line.
            is_simulated: Whether the source is not a real camera.
            head_seq: Gives the newest seq, as main knows it.
            is_bypass: Tells whether bypass is on now.
            is_drill: Tells whether the line is in drill mode now.
            guard: Encrypts, and says who may listen; None for whoever reaches the address.
            unsigned: The bundles in use, name@version, that no trusted key signed.

        Raises:
            EndpointError: The address cannot be bound.
        """
        self._line, self._head_seq, self._is_bypass, self._is_drill = line, head_seq, is_bypass, is_drill
        self._unsigned = tuple(unsigned)
        self.epoch = 0
        """Identity of the present run of numbers."""
        self._flags = Flag.SIMULATED if is_simulated else Flag(0)
        self._is_ready = False
        self._standing: list[dict[str, Any]] = []
        self._state, self._reason = LineState.PREOPERATIONAL, "starting"
        # VERBOSE: a second client's subscription is reported too.
        self._socket = bound(zmq.XPUB, endpoint, "telemetry", {zmq.XPUB_VERBOSE: 1} | listener_options(), guard)
        self._rebinding = Rebinding(self._socket, "telemetry", guard)
        address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._connections = Connections("telemetry", address, LISTENER_BURST_BYTES)
        self._handshakes = HandshakeWatch(self._socket, "telemetry", guard, self._connections)

    def state(self, state: LineState, previous: LineState, reason: str) -> None:
        """Announce a change of state."""
        self._state, self._reason = state, reason
        self._is_ready = state in (LineState.READY, LineState.CONTINUOUS_EXECUTION)
        self._send("state", state_body(self._line, self.epoch, state, previous, reason, self._unsigned))

    def event(
        self, name: str, severity: str, detail: str, extra: dict[str, Any] | None = None, *, stands: bool = False
    ) -> None:
        """Announce something a person should know.

        Args:
            name: In snake_case.
            severity: `info`, `warning` or `error`.
            detail: For a person.
            extra: Keys of that event, such as `range`.
            stands: Said again to every client that subscribes later in this run.
        """
        body = event_body(self._line, self.epoch, name, severity, detail, extra)
        if stands:
            self._standing.append(body)
        self._send("event", body)

    def withdraw(self, name: str) -> None:
        """No longer say a standing event to those who come: what it told is over."""
        self._standing = [body for body in self._standing if body["name"] != name]

    def greet(self) -> None:
        """Tell clients that have come since the last call what they missed; call it in main's loop."""
        self._rebinding.step()
        self._handshakes.step()
        is_anybody_new = False
        # Bounded: a flood of subscriptions must not hold up the loop.
        for _ in range(100):
            try:
                frame = self._socket.recv(flags=zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            word = frame.bytes
            if word[:1] == b"\x01":
                is_anybody_new = True
                self._connections.subscribed(connection_of(frame), len(word))
        if is_anybody_new:
            self.state(self._state, self._state, self._reason)
            for body in self._standing:
                self._send("event", body)

    def metrics(self, families: list[dict[str, Any]]) -> None:
        """Send a snapshot of all metrics."""
        self._send("metrics", {"v": 1, "line": self._line, "epoch": self.epoch, "families": families})

    def close(self) -> None:
        """Close; what was sent may still leave."""
        self._handshakes.close()
        self._socket.close()

    def _send(self, kind: str, body: dict[str, Any]) -> None:
        flags = self._flags | Flag.READY if self._is_ready else self._flags
        if self._is_bypass():
            flags |= Flag.BYPASS
        if self._is_drill():
            flags |= Flag.DRILL
        frames = other_frames(self._line, kind, self.epoch, self._head_seq(), flags, body)
        self._socket.send_multipart(frames, flags=zmq.NOBLOCK)
