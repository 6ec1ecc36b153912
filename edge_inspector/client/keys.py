"""CURVE keys of a client: its own pair, and the public key of the line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import zmq
from zmq.auth import load_certificate

Z85_BYTES = 40
"""A key of 32 bytes in ZeroMQ's text form."""


class KeysError(ValueError):
    """Raised when a key file cannot be used; says what to do."""


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a client needs to speak with a line that has keys."""

    public: bytes
    """Its own public key, 40 characters of Z85. The line knows it under the consumer's name."""
    secret: bytes = field(repr=False)
    """Its own secret key."""
    server: bytes
    """Public key of the line: a line with another one is not believed."""

    @classmethod
    def load(cls, own: Path, server: Path) -> Self:
        """Read the key files.

        Args:
            own: The client's own file, with the secret key; only its owner may read it.
            server: The file with the line's public key.

        Raises:
            KeysError: A file is missing, is no key file, or may be read by others.
        """
        public, secret = _read(own)
        if secret is None:
            raise KeysError(f"{own} holds no secret key; give the client's own file, not the one for the line")
        if own.stat().st_mode & 0o077:
            raise KeysError(f"{own} may be read by others on this computer; chmod 600 {own}")
        return cls(public, secret, _read(server)[0])

    def apply(self, socket: zmq.Socket[bytes]) -> None:
        """Set them on a socket that is not connected yet."""
        socket.setsockopt(zmq.CURVE_SERVERKEY, self.server)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self.secret)


def _read(path: Path) -> tuple[bytes, bytes | None]:
    try:
        public, secret = load_certificate(path)
    except (OSError, ValueError) as error:
        raise KeysError(f"{path} cannot be read as a key file: {error}") from error
    for key in (public, secret):
        if key is not None and len(key) != Z85_BYTES:
            raise KeysError(f"{path} holds a key of {len(key)} characters, not {Z85_BYTES}; copy the file again")
    return public, secret
