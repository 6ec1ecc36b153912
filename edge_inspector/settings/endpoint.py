"""What a ZeroMQ address of the configuration means, and whether it stays on this computer."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_IPC_BYTES = 107
"""Longest path of a Unix socket: sun_path has 108 bytes, one ends the text (unix(7))."""


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """Where a server listens."""

    host: str
    """IP address as text without brackets; `*` for all."""
    port: int

    def overlaps(self, other: TcpAddress) -> bool:
        """Return whether only one of the two can listen."""
        wild = {"*", "0.0.0.0", "::"}
        return self.port == other.port and (self.host == other.host or bool({self.host, other.host} & wild))


def tcp_address(host: str, port: int) -> TcpAddress:
    """Return an address with one spelling: `localhost` is 127.0.0.1."""
    bare = host.strip("[]")
    try:
        return TcpAddress(str(ipaddress.ip_address(bare)), port)
    except ValueError:
        return TcpAddress("127.0.0.1" if bare.lower() == "localhost" else bare, port)


def parse_tcp(endpoint: str) -> TcpAddress | None:
    """Return the address of a tcp endpoint that `endpoint_fault` found right; None for ipc."""
    if not endpoint.startswith("tcp://"):
        return None
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    return tcp_address(host, int(port))


def address_here(endpoint: str) -> str:
    """Return the address by which this computer itself reaches an endpoint: one on all its addresses has no own."""
    for everywhere, loopback in (("*", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("[::]", "[::1]")):
        if endpoint.startswith(f"tcp://{everywhere}:"):
            return f"tcp://{loopback}:" + endpoint.rpartition(":")[2]
    return endpoint


def endpoint_fault(endpoint: str, is_encrypted: bool = False) -> str | None:
    """Return what is wrong with an endpoint, in words; None when it may be bound."""
    if endpoint.startswith("ipc://"):
        return _ipc_fault(endpoint.removeprefix("ipc://"))
    host, colon, port = endpoint.removeprefix("tcp://").rpartition(":")
    if not colon or not host:
        return f"{endpoint} lacks its port; write it like tcp://127.0.0.1:5560"
    if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        return f"{endpoint} has no port from 1 to 65535 after the last colon; clients must know it beforehand"
    if _is_loopback(host):
        return None
    if not is_encrypted:
        return (
            f"{endpoint} would listen outside this computer, where anyone could speak for the line; "
            f"write tcp://127.0.0.1:{port} or an ipc:// path, or encrypt the endpoints (endpoints.curve)"
        )
    if host != "*" and _address_of(host) is None:
        return f"{endpoint} has no address of this computer; write it in numbers, or tcp://*:{port} for all of them"
    return None


def _ipc_fault(path: str) -> str | None:
    size = len(path.encode("utf-8", "replace"))
    if path == "*":
        return "ipc://* lets the system choose a path, which no client knows; write a path"
    if size > _IPC_BYTES:
        return f"the socket's path has {size} bytes, the system allows {_IPC_BYTES}; write a shorter one"
    if not path.startswith(("/", "@")):
        return f"ipc://{path} depends on where the daemon is started; write the path from / on, like ipc:///run/{path}"
    return None


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    address = _address_of(host)
    return address is not None and address.is_loopback


def _address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    # Brackets are for IPv6 alone, and an IPv6 address without them could end in what looks like a port.
    is_bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(host[1:-1] if is_bracketed else host)
    except ValueError:
        return None
    return address if (address.version == 6) == is_bracketed else None
