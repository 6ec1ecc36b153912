"""Binding: one place that turns a refused address into words."""

from __future__ import annotations

import socket as socket_module
import time
from collections.abc import Mapping

import zmq

from edge_inspector.core.errors import EndpointError
from edge_inspector.signal.guard import Endpoint, Guard

Socket = zmq.Socket[bytes]

LINGER_MS = 500
"""Law 8: what was sent before a shutdown may still leave for so long."""
LISTENER_BYTES = 1024
"""Of one frame that a subscriber sends: a handshake with keys has 500, a subscription 100."""
LISTENER_HWM = 16
"""Subscriptions of one connection that ZeroMQ takes in at once. More, and a flood holds up the thread that sends
(measured: for 380 ms)."""
LISTENER_BURST_BYTES = 64 * 1024
CLOSING_S = 0.25
"""ZeroMQ closes a listener in its own thread, a moment after `close` returned."""


def listener_options() -> dict[int, int]:
    """Return what bounds subscribers at a socket that sends."""
    return {zmq.MAXMSGSIZE: LISTENER_BYTES, zmq.RCVHWM: LISTENER_HWM}


def bound(
    kind: int,
    endpoint: str,
    name: Endpoint,
    options: Mapping[int, int] | None = None,
    guard: Guard | None = None,
) -> Socket:
    """Return a new socket bound to an endpoint.

    Args:
        kind: ZeroMQ socket type.
        endpoint: Address.
        name: Key under `endpoints` in the configuration, for the error.
        options: Socket options. They must be set before the bind: later ones do not reach its connections.
        guard: Encrypts, and says who may connect; its thread need not run yet. None for whoever reaches the address.

    Raises:
        EndpointError: The address is taken or does not exist here; says which setting to change.
    """
    if _has_listener(endpoint):
        raise _in_use(endpoint, name)
    socket: Socket = zmq.Context.instance().socket(kind)
    if "[" in endpoint:
        socket.setsockopt(zmq.IPV6, 1)  # without it an IPv6 address is "no such device"
    secured = guard.options(name) if guard is not None else {}
    for option, value in {zmq.LINGER: LINGER_MS, **(options or {}), **secured}.items():
        socket.setsockopt(option, value)
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        socket.close(linger=0)
        if error.errno == zmq.EADDRINUSE:
            raise _in_use(endpoint, name) from error
        raise EndpointError(f"endpoints.{name}: cannot bind {endpoint}: {error}; set another address") from error
    return socket


def connection_of(frame: zmq.Frame) -> int:
    """Return the file number of the connection that a message came on; -1 when it is not known."""
    try:
        return int(frame.get(zmq.SRCFD))
    except zmq.ZMQError:
        return -1


def _has_listener(endpoint: str) -> bool:
    """Return whether somebody answers on an ipc path: ZeroMQ would take the path away from him without a word."""
    path = endpoint.removeprefix("ipc://")
    if path == endpoint or path.startswith("@"):  # tcp and abstract names are refused by the kernel
        return False
    until_s = time.monotonic() + CLOSING_S
    while _answers(path):
        if time.monotonic() > until_s:
            return True
        time.sleep(0.01)
    return False


def _answers(path: str) -> bool:
    with socket_module.socket(socket_module.AF_UNIX, socket_module.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:  # nothing there, or what a killed process left
            return False
        return True


def _in_use(endpoint: str, name: str) -> EndpointError:
    return EndpointError(
        f"endpoints.{name}: {endpoint} is in use by another program; stop it "
        f"(`ss -lnp` shows who listens) or set another address in the configuration"
    )
