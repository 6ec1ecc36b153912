"""What encrypted endpoints ask of who guards them, and the options that make a socket ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import zmq

from edge_inspector.signal.authorized import Role
from edge_inspector.signal.keys import ServerKey

Endpoint = Literal["signals", "telemetry", "service"]
Refusal = Literal["unknown_key", "keys_unreadable", "not_curve", "wrong_server_key", "unfinished"]
"""Why a handshake failed: the key is not authorised; nobody can say whether it is; the client does not encrypt; it
knows another key of the line, or the halves of its own do not belong together; it did not come to its end (time, peer
gone, nobody to ask)."""


HANDSHAKE_MS = 3000
"""A handshake takes a few milliseconds. One that gets no answer is broken off after so long, then the client tries
again; half of a handshake holds a connection no longer."""


class Guard(Protocol):
    """Knows who may connect. Any thread may ask; `app` runs it in a thread of its own."""

    @property
    def drops(self) -> int:
        """How many times live connections had to be dropped, because a key was revoked."""
        ...

    def options(self, endpoint: Endpoint) -> Mapping[int, int | bytes]:
        """Return what a socket must be set to before its bind."""
        ...

    def role_of(self, name: str) -> Role | None:
        """Return what the owner of an authorised key may do now; None if that key is not authorised (any more)."""
        ...

    def count_refusal(self, endpoint: Endpoint, reason: Refusal) -> None:
        """Count a handshake that failed before it was asked."""
        ...


def server_options(key: ServerKey, endpoint: Endpoint) -> dict[int, int | bytes]:
    """Return the options of a server's socket that lets nobody in without asking.

    Each endpoint is a domain of its own, so that a refusal says where. ZAP_ENFORCE_DOMAIN is what makes a missing or
    dead authenticator refuse everybody; without it everybody is let in.
    """
    return {
        zmq.CURVE_SERVER: 1,
        zmq.CURVE_PUBLICKEY: key.public,
        zmq.CURVE_SECRETKEY: key.secret,
        zmq.ZAP_DOMAIN: endpoint.encode(),
        zmq.ZAP_ENFORCE_DOMAIN: 1,
        zmq.HANDSHAKE_IVL: HANDSHAKE_MS,
    }
