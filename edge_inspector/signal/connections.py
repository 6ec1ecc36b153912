"""Hangs up on a connection that says far more than a client has to say: ZeroMQ bounds the frame, and nothing else.

A message of frames without an end is collected until memory is full, and so is every subscription; neither has a limit
that could be set. So what each TCP connection has brought is asked of the kernel, and the one that is over its bound is
hung up on. Connections by ipc have no such number: who may open that file can fill memory.
"""

from __future__ import annotations

import socket as socket_module
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.logs import get_log
from edge_inspector.signal.guard import Endpoint

log = get_log(__name__)

FORGIVEN_PER_S = 8192
"""A client's pings come to 300 bytes a second with keys."""
MAX_TOPIC_BYTES = 16_384
"""Of all subscriptions that one connection ever made; a client makes one of at most 48 bytes."""
LOOK_NS = 5_000_000
LOOKS = 20
"""Connections that are asked about at once, some 50 µs: all 200 in 50 ms."""
_INFO_BYTES, _RECEIVED = 136, struct.Struct("=Q")
_RECEIVED_AT = 128  # tcpi_bytes_received of struct tcp_info, linux/tcp.h, since Linux 4.1

_RESET = struct.pack("ii", 1, 0)  # struct linger: on, 0 s


@dataclass(slots=True)
class _Connection:
    received: int = 0
    at_ns: int = 0
    over: float = 0.0
    """Bytes that are not forgiven yet."""
    topic_bytes: int = 0


class Connections:
    """Of one bound socket; owned by that socket's thread, which says who came, went, and said something whole.

    Attributes:
        cut: Connections that were hung up on.
    """

    def __init__(self, endpoint: Endpoint, address: str, burst_bytes: int) -> None:
        """Begin with none.

        Args:
            endpoint: Key under `endpoints`, for the log.
            address: That it is bound to.
            burst_bytes: What a connection may bring at once, or between two whole messages where `said` is called.
        """
        self.cut = 0
        self._endpoint, self._burst_bytes = endpoint, burst_bytes
        self._port = int(address.rpartition(":")[2]) if address.startswith("tcp://") else None
        self._known: dict[int, _Connection] = {}
        self._turn: deque[int] = deque()
        self._next_ns = 0

    def came(self, fd: int) -> None:
        """Watch a connection from now on."""
        if self._port is None:
            return
        if fd not in self._known:
            self._turn.append(fd)
        self._known[fd] = _Connection(at_ns=monotonic_ns())

    def went(self, fd: int) -> None:
        """Forget a connection."""
        self._known.pop(fd, None)

    def said(self, fd: int) -> None:
        """Forgive all that it brought: a whole message of it was taken."""
        if (known := self._known.get(fd)) is not None:
            known.over = min(known.over, 0.0)

    def subscribed(self, fd: int, n_bytes: int) -> None:
        """Note a subscription, which stays in memory for as long as its connection."""
        if (known := self._known.get(fd)) is None:
            return
        known.topic_bytes += n_bytes
        if known.topic_bytes > MAX_TOPIC_BYTES:
            self._hang_up(fd, known, "subscriptions")

    def step(self) -> None:
        """Ask about some of them, when it is time; never waits."""
        now_ns = monotonic_ns()
        if now_ns < self._next_ns:
            return
        self._next_ns = now_ns + LOOK_NS
        for _ in range(min(LOOKS, len(self._turn))):
            fd = self._turn.popleft()
            if (known := self._known.get(fd)) is None:
                continue
            self._turn.append(fd)
            self._look(fd, known, now_ns)

    def _look(self, fd: int, known: _Connection, now_ns: int) -> None:
        received = _received(fd, self._port)
        if received is None:  # it has ended, and the word of it is on its way
            return
        forgiven = (now_ns - known.at_ns) / 1e9 * FORGIVEN_PER_S
        known.over = max(0.0, known.over - forgiven) + received - known.received
        known.received, known.at_ns = received, now_ns
        if known.over > self._burst_bytes:
            self._hang_up(fd, known, "bytes")

    def _hang_up(self, fd: int, known: _Connection, what: str) -> None:
        self._known.pop(fd, None)
        self.cut += 1
        address = _shut(fd, self._port)
        log.warning(
            "connection_cut", endpoint=self._endpoint, address=address, too_many=what, received=known.received
        )  # fmt: skip


@contextmanager
def _borrowed(fd: int, port: int | None) -> Iterator[socket_module.socket | None]:
    """Give ZeroMQ's own socket; None when the number is free again, or another file's. Closes nothing."""
    try:
        # Without looking: what is no socket, or of another family, fails at the first question below.
        borrowed = socket_module.socket(socket_module.AF_INET, socket_module.SOCK_STREAM, 0, fileno=fd)
    except OSError:
        yield None
        return
    try:
        is_ours = _port_of(borrowed) == port
        yield borrowed if is_ours else None
    finally:
        borrowed.detach()  # or it would be closed under ZeroMQ


def _port_of(socket: socket_module.socket) -> int | None:
    try:
        return int(socket.getsockname()[1])
    except (OSError, IndexError, TypeError, ValueError):
        return None


def _received(fd: int, port: int | None) -> int | None:
    """Return the bytes that came on a connection of a port; None when there is none under this number any more."""
    with _borrowed(fd, port) as borrowed:
        if borrowed is None:
            return None
        try:
            info = borrowed.getsockopt(socket_module.IPPROTO_TCP, socket_module.TCP_INFO, _INFO_BYTES)
        except OSError:
            return None
    return None if len(info) < _INFO_BYTES else int(_RECEIVED.unpack_from(info, _RECEIVED_AT)[0])


def _shut(fd: int, port: int | None) -> str:
    """Hang up, and return on whom; ZeroMQ sees the end and lets go of all that it brought."""
    with _borrowed(fd, port) as borrowed:
        if borrowed is None:
            return ""
        try:
            address = str(borrowed.getpeername()[0])
            # Reset when ZeroMQ closes it: a stranger in the midst of sending would wait for a window for ever.
            borrowed.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_LINGER, _RESET)
            borrowed.shutdown(socket_module.SHUT_RDWR)
        except OSError:
            return ""
    return address
