"""The signals endpoint: verdicts and heartbeats, nothing else. Owned by the inspect process's one thread."""

from __future__ import annotations

import json

import zmq

from edge_inspector.core.verdict import Heartbeat, Verdict
from edge_inspector.signal.connections import Connections
from edge_inspector.signal.guard import Guard
from edge_inspector.signal.handshakes import HandshakeWatch
from edge_inspector.signal.message import (
    Body,
    as_replayed,
    heartbeat_body,
    heartbeat_frames,
    joined,
    split,
    verdict_body,
    verdict_frames,
)
from edge_inspector.signal.rebinding import Rebinding
from edge_inspector.signal.sockets import LISTENER_BURST_BYTES, bound, connection_of, listener_options

SEND_HWM = 10_000
"""Messages kept for one slow subscriber (20 s at 500 parts/s); after that it misses some and sees the gap."""


class SignalPublisher:
    """An XPUB socket. Sending never waits for a client; the loop must call `wait` so that new clients attach."""

    def __init__(self, endpoint: str, is_simulated: bool, guard: Guard | None = None) -> None:
        """Bind. A guard encrypts and says who may listen.

        Raises:
            EndpointError: The address cannot be bound.
        """
        self._is_simulated = is_simulated
        self.subscribers = 0
        """Subscriptions now open."""
        # VERBOSER: every (un)subscription is reported, not only the first of each prefix, since they are counted.
        options: dict[int, int] = {zmq.SNDHWM: SEND_HWM, zmq.XPUB_VERBOSER: 1} | listener_options()
        self._socket = bound(zmq.XPUB, endpoint, "signals", options, guard)
        self._rebinding = Rebinding(self._socket, "signals", guard)
        address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._connections = Connections("signals", address, LISTENER_BURST_BYTES)
        self._watch = HandshakeWatch(self._socket, "signals", guard, self._connections)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)

    def encode(self, verdict: Verdict, is_ready: bool) -> tuple[bytes, bytes]:
        """Return the body as JSON, and the whole message as one block of bytes, as the ledger keeps it."""
        frames = verdict_frames(verdict, verdict_body(verdict), is_ready, self._is_simulated)
        return frames[2], joined(frames)

    def body(self, message: bytes) -> bytes:
        """Return the JSON of a message that `encode` made, in any process."""
        return split(message)[2]

    def send(self, message: bytes) -> None:
        """Send a verdict that `encode` made."""
        self._socket.send_multipart(split(message), flags=zmq.NOBLOCK)

    def send_again(self, message: bytes) -> None:
        """Send a verdict once more, marked as replayed."""
        self._socket.send_multipart(as_replayed(split(message)), flags=zmq.NOBLOCK)

    def beat(self, heartbeat: Heartbeat) -> Body:
        """Send a heartbeat and return its body."""
        body = heartbeat_body(heartbeat)
        self._socket.send_multipart(heartbeat_frames(heartbeat, body, self._is_simulated), flags=zmq.NOBLOCK)
        return body

    def wait(self, wake_fd: int, timeout_s: float) -> None:
        """Wait until `wake_fd` is readable or the time is over; attaches new clients meanwhile."""
        if wake_fd not in self._poller:
            self._poller.register(wake_fd, zmq.POLLIN)
        ready = dict(self._poller.poll(self._rebinding.wait_ms(max(0, round(timeout_s * 1000)))))
        if self._socket in ready:
            self.attach()
            return
        self._rebinding.step()
        self._watch.step()

    def attach(self) -> None:
        """Take in what clients said: subscriptions, and garbage, which is ignored."""
        self._rebinding.step()
        self._watch.step()
        # Bounded: a flood of subscriptions must not hold up verdicts.
        for _ in range(100):
            try:
                frame = self._socket.recv(flags=zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            word = frame.bytes
            if word[:1] == b"\x01":
                self.subscribers += 1
                self._connections.subscribed(connection_of(frame), len(word))
            elif word[:1] == b"\x00" and self.subscribers > 0:
                self.subscribers -= 1

    def close(self) -> None:
        """Close; what was sent has LINGER_MS to leave."""
        self._watch.close()
        self._socket.close()
        zmq.Context.instance().term()


def part_of(message: bytes) -> int:
    """Return the part_id of a message that `encode` made."""
    body: Body = json.loads(split(message)[2])
    return int(body["part_id"])
