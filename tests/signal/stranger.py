"""What an endpoint may get from whoever reaches it: raw bytes over TCP, with or without ZeroMQ's handshake (ZMTP 3.1).

ZeroMQ's own sockets are too polite for most of it: they send a message when it is whole, and a subscription once.
"""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
"""Of a client without encryption, rfc.zeromq.org/spec/37."""
MORE, LARGE, COMMAND = 1, 2, 4


def frame(data: bytes, flags: int = 0, claims: int | None = None) -> bytes:
    """Return a frame on the wire; `claims`: the length that it says it has."""
    n = len(data) if claims is None else claims
    if n > 255:
        return bytes([flags | LARGE]) + n.to_bytes(8, "big") + data
    return bytes([flags, n]) + data


def ready(kind: str) -> bytes:
    """Return the command that ends a handshake without keys, of a socket of a kind."""
    return frame(b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind.encode(), COMMAND)


class Stranger:
    """A TCP connection to an endpoint."""

    def __init__(self, endpoint: str, kind: str | None = None, timeout_s: float = 5.0) -> None:
        """Connect; with a kind, such as DEALER, also shake hands."""
        host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout_s)
        if kind is not None:
            self.say(GREETING + ready(kind))
            self._read_up_to(b"Socket-Type")  # what comes before the other side's own command ends the connection

    def say(self, data: bytes) -> bool:
        """Send all of it; False when the other side hung up. Raises TimeoutError when it takes nothing for long."""
        try:
            self.socket.sendall(data)
        except ConnectionError:
            return False
        return True

    def _read_up_to(self, word: bytes) -> None:
        heard = b""
        while word not in heard:
            heard += (more := self.socket.recv(4096))
            if not more:
                raise ConnectionError(f"hung up during the handshake, after {heard!r}")

    def is_hung_up(self) -> bool:
        """Wait for the other side to hang up; False when it does not within the time limit."""
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()
