"""Who sent a request, and whether that one may say what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import zmq

from edge_inspector.signal.authorized import Role
from edge_inspector.signal.guard import Guard


@dataclass(frozen=True, slots=True)
class Peer:
    """The owner of the key that a connection was made with."""

    name: str
    role: Role | None
    """None: the key was revoked, and its connection not dropped yet."""


def peer_of(message: Sequence[zmq.Frame], guard: Guard | None) -> Peer | None:
    """Return who sent a message; None where endpoints have no keys and nobody can know.

    Args:
        message: As `recv_multipart(copy=False)` gives it: the name comes with the frames, from the handshake.
        guard: Of the endpoint; None for one without keys.
    """
    if guard is None:
        return None
    try:
        name = str(message[-1].get("User-Id"))
    except zmq.ZMQError:  # no handshake gave one: cannot happen while the endpoint enforces its domain
        return Peer("", None)
    return Peer(name, guard.role_of(name))


def consumer_of(peer: Peer | None, consumer: object) -> object:
    """Return under whose name a request counts that `claim_fault` let pass: the key's; without keys the claimed one."""
    return consumer if peer is None else peer.name


def claim_fault(peer: Peer | None, consumer: object, needs: Role = Role.READ) -> str | None:
    """Return why a request is refused, in words; None when it is not.

    Args:
        peer: Who asks; None without keys, where any claim is believed.
        consumer: Who the request says it is; None when it says nothing.
        needs: Role without which this may not be asked.
    """
    if peer is None:
        return None
    if peer.role is None:
        return f"the key of {peer.name or 'this connection'} is not authorised any more"
    if consumer is not None and consumer != peer.name:
        return f"consumer is {str(consumer)[:40]!r}, but the key of this connection is that of {peer.name}"
    if needs is Role.GATE and peer.role is not Role.GATE:
        return f"{peer.name} has the role {peer.role}; this needs gate: `edge-inspector keys authorize`"
    return None
