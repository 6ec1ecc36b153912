"""CURVE keys of a client: its own pair, and the public key of the line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import zmq

from edge_inspector.client.key_file import KeyFileError, read_key_file


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a client needs to speak with a line that has keys. All are 40 characters of Z85."""

    public: bytes
    """Its own public key. The line knows it under the consumer's name."""
    secret: bytes = field(repr=False)
    """Its own secret key."""
    server: bytes
    """Public key of the line: a line with another one is not believed."""
    name: str = ""
    """Name of the key, under which the line knows the consumer; empty where no file said it."""

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read the client's own key file, as `edge-inspector keys new NAME` made it.

        Raises:
            KeyFileError: It cannot be read, is no key file, may be read by others, or lacks a key.
        """
        key = read_key_file(path)
        if key.secret is None:
            raise KeyFileError(f"{path} is the public key of {key.name}; a client needs {key.name}.key")
        if key.server is None:
            raise KeyFileError(
                f"{path}: the key of {key.name} names no line (server-key); make it with `keys new NAME --server FILE`"
            )
        return cls(key.public, key.secret, key.server, key.name)

    def apply(self, socket: zmq.Socket[bytes]) -> None:
        """Set them on a socket that is not connected yet."""
        socket.setsockopt(zmq.CURVE_SERVERKEY, self.server)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self.secret)
