"""Hangs up on a connection that says far more than a client has to say: ZeroMQ bounds the frame, and nothing else.

A message of frames without an end is collected until memory is full, and so is every subscription; neither has a limit
that could be set. So what each TCP connection has brought is asked of the kernel, and the one that is over its bound is
hung up on. Connections by ipc have no such number: who may open that file can fill memory.
"""

from __future__ import annotations

import socket as socket_module
import struct
from collections import deque
from dataclasses import dataclass

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.logs import get_log
from edge_inspector.signal.guard import Endpoint

log = get_log(__name__)

FORGIVEN_PER_S = 8192
"""A client's pings come to 300 bytes a second with keys."""
MAX_TOPIC_BYTES = 16_384
"""Of all subscriptions that one connection ever made; a client makes one of at most 48 bytes."""
LOOK_NS = 10_000_000
LOOKS, MOST_LOOKS = 10, 100
"""Connections that are asked about in LOOK_NS, some 50 µs: all 200 in 0.2 s, in which a stranger brings some 100 MB. A
loop that had no time looks at more when it comes, for half a millisecond at most."""
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
        looks = min(MOST_LOOKS, LOOKS * (1 + (now_ns - self._next_ns) // LOOK_NS))
        self._next_ns = now_ns + LOOK_NS
        if not self._turn:
            self._turn.extend(self._known)
        for _ in range(min(looks, len(self._turn))):
            fd = self._turn.popleft()
            if (known := self._known.get(fd)) is not None:
                self._look(fd, known, now_ns)

    def _look(self, fd: int, known: _Connection, now_ns: int) -> None:
        received = _received(fd)
        if received is None:  # it has ended, and the word of it is on its way
            return
        forgiven = (now_ns - known.at_ns) / 1e9 * FORGIVEN_PER_S
        known.over = max(0.0, known.over - forgiven) + received - known.received
        known.received, known.at_ns = received, now_ns
        if known.over > self._burst_bytes:
            self._hang_up(fd, known, "bytes")

    def _hang_up(self, fd: int, known: _Connection, what: str) -> None:
        self._known.pop(fd, None)
        if (address := _hung_up_on(fd, self._port)) is None:
            return
        self.cut += 1
        log.warning(
            "connection_cut", endpoint=self._endpoint, address=address, too_many=what, received=known.received
        )  # fmt: skip


def _received(fd: int) -> int | None:
    """Return the bytes that came on a TCP connection; None when there is none under this number (any more)."""
    try:
        # ZeroMQ's own socket, borrowed. Without asking for its kind, which takes twice as long.
        borrowed = socket_module.socket(socket_module.AF_INET, socket_module.SOCK_STREAM, 0, fileno=fd)
    except OSError:
        return None
    try:
        info = borrowed.getsockopt(socket_module.IPPROTO_TCP, socket_module.TCP_INFO, _INFO_BYTES)
    except OSError:
        return None
    finally:
        borrowed.detach()  # or it would be closed under ZeroMQ
    return None if len(info) < _INFO_BYTES else int(_RECEIVED.unpack_from(info, _RECEIVED_AT)[0])


def _hung_up_on(fd: int, port: int | None) -> str | None:
    """Hang up and return on whom; None when the number is free again, or that of a connection of another port."""
    try:
        borrowed = socket_module.socket(fileno=fd)
    except OSError:
        return None
    try:
        if borrowed.getsockname()[1] != port:
            return None
        address = str(borrowed.getpeername()[0])
        # Reset when ZeroMQ closes it: a stranger in the midst of sending would wait for a window for ever.
        borrowed.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_LINGER, _RESET)
        borrowed.shutdown(socket_module.SHUT_RDWR)  # ZeroMQ sees its end, and lets go of all that it brought
    except (OSError, IndexError, TypeError):
        return None
    finally:
        borrowed.detach()
    return address
