"""Binding: one place that turns a refused address into words."""

from __future__ import annotations

from collections.abc import Mapping

import zmq

from edge_inspector.core.errors import EndpointError

Socket = zmq.Socket[bytes]

LINGER_MS = 500
"""Law 8: what was sent before a shutdown may still leave for so long."""


def bound(kind: int, endpoint: str, name: str, options: Mapping[int, int] | None = None) -> Socket:
    """Return a new socket bound to an endpoint.

    Args:
        kind: ZeroMQ socket type.
        endpoint: Address.
        name: Key under `endpoints` in the configuration, for the error.
        options: Socket options. They must be set before the bind: later ones do not reach its connections.

    Raises:
        EndpointError: The address is taken or does not exist here; says which setting to change.
    """
    socket: Socket = zmq.Context.instance().socket(kind)
    for option, value in {zmq.LINGER: LINGER_MS, **(options or {})}.items():
        socket.setsockopt(option, value)
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        socket.close(linger=0)
        if error.errno == zmq.EADDRINUSE:
            raise EndpointError(
                f"endpoints.{name}: {endpoint} is in use by another program; stop it "
                f"(`ss -ltnp` shows who listens) or set another port in the configuration"
            ) from error
        raise EndpointError(f"endpoints.{name}: cannot bind {endpoint}: {error}; set another address") from error
    return socket
