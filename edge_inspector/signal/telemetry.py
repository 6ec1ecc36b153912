"""The telemetry endpoint: state, events and metrics. Owned by main's one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import zmq

from edge_inspector.client.wire import Flag
from edge_inspector.core.verdict import LineState
from edge_inspector.signal.message import event_body, other_frames, state_body
from edge_inspector.signal.sockets import bound


class Telemetry:
    """A PUB socket; sending never waits for a client."""

    def __init__(self, endpoint: str, line: str, epoch: int, is_simulated: bool, head_seq: Callable[[], int]) -> None:
        """Bind.

        Args:
            endpoint: ZeroMQ address.
            line: Name of the line.
            epoch: Identity of this run of numbers.
            is_simulated: Whether the source is not a real camera.
            head_seq: Gives the newest seq, as main knows it.

        Raises:
            EndpointError: The address cannot be bound.
        """
        self._line, self._epoch, self._head_seq = line, epoch, head_seq
        self._flags = Flag.SIMULATED if is_simulated else Flag(0)
        self._is_ready = False
        self._socket = bound(zmq.PUB, endpoint, "telemetry")

    def state(self, state: LineState, previous: LineState, reason: str) -> None:
        """Announce a change of state, or repeat the present one for clients that came later."""
        self._is_ready = state in (LineState.READY, LineState.CONTINUOUS_EXECUTION)
        self._send("state", state_body(self._line, self._epoch, state, previous, reason))

    def event(self, name: str, severity: str, detail: str, extra: dict[str, Any] | None = None) -> None:
        """Announce something a person should know; severity is `info`, `warning` or `error`."""
        self._send("event", event_body(self._line, self._epoch, name, severity, detail, extra))

    def metrics(self, families: list[dict[str, Any]]) -> None:
        """Send a snapshot of all metrics."""
        self._send("metrics", {"v": 1, "line": self._line, "epoch": self._epoch, "families": families})

    def close(self) -> None:
        """Close; what was sent may still leave."""
        self._socket.close()

    def _send(self, kind: str, body: dict[str, Any]) -> None:
        flags = self._flags | Flag.READY if self._is_ready else self._flags
        frames = other_frames(self._line, kind, self._epoch, self._head_seq(), flags, body)
        self._socket.send_multipart(frames, flags=zmq.NOBLOCK)
