"""The sockets of a network namespace, as /proc lists them."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_INTERNET = ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6")
_LISTEN = "0A"
_BOUND_UNIX = "00010000"
"""Flag of a Unix socket that listens (__SO_ACCEPTCON)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Place:
    """One end of a connection."""

    host: Address
    port: int

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"[{self.host}]:{self.port}" if self.host.version == 6 else f"{self.host}:{self.port}"

    @property
    def is_nowhere(self) -> bool:
        """Whether it stands for no address, or for all."""
        return self.host.is_unspecified


@dataclass(frozen=True, slots=True)
class Socket:
    """One socket of IPv4 or IPv6."""

    kind: str
    """As the file in /proc/net is called: `tcp`, `udp6`, `raw` …"""
    local: Place
    remote: Place
    is_listening: bool
    uid: int
    inode: int


@dataclass(frozen=True, slots=True)
class UnixSocket:
    """One socket of this computer alone."""

    path: str
    """As it was bound, `@` before an abstract one; empty for one without a name."""
    is_listening: bool
    inode: int


def internet_sockets(net: Path = PROC / "net") -> list[Socket]:
    """Return every socket of IPv4 and IPv6 that is bound or connected, in the namespace of a folder `net` of /proc.

    Raises:
        OSError: The list cannot be read.
    """
    found: list[Socket] = []
    for kind in _INTERNET:
        try:
            rows = (net / kind).read_text("ascii").splitlines()[1:]
        except FileNotFoundError:  # a kernel without it
            continue
        found += [_socket(kind, row.split()) for row in rows if row.strip()]
    return found


def unix_sockets(net: Path = PROC / "net") -> list[UnixSocket]:
    """Return every Unix socket of the namespace. Raises OSError where the list cannot be read."""
    found = []
    for row in (net / "unix").read_text(errors="replace").splitlines()[1:]:
        words = row.split(maxsplit=7)
        if len(words) >= 7:
            found.append(UnixSocket(words[7] if len(words) > 7 else "", words[3] == _BOUND_UNIX, int(words[6])))
    return found


def other_inodes(net: Path = PROC / "net") -> dict[int, str]:
    """Return the kinds of sockets by their number that have no address: packets as such, and talks with the kernel."""
    found = {}
    for kind in ("packet", "netlink"):
        try:
            head, *rows = (net / kind).read_text("ascii").splitlines()
        except (OSError, ValueError):
            continue
        place = head.split().index("Inode")
        for row in rows:
            words = row.split()
            if len(words) > place:
                found[int(words[place])] = kind
    return found


def listeners(net: Path = PROC / "net") -> Iterator[Socket]:
    """Yield the sockets of TCP that take connections. Raises like `internet_sockets`."""
    return (socket for socket in internet_sockets(net) if socket.is_listening)


def _socket(kind: str, words: list[str]) -> Socket:
    # sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
    is_tcp = kind.startswith("tcp")
    is_listening = is_tcp and words[3] == _LISTEN
    return Socket(kind, _place(words[1]), _place(words[2]), is_listening, int(words[7]), int(words[9]))


def _place(text: str) -> Place:
    host, _, port = text.partition(":")
    # Words of 32 bits, each as this processor keeps it in memory.
    data = b"".join(struct.pack("=I", int(host[at : at + 8], 16)) for at in range(0, len(host), 8))
    address = ipaddress.ip_address(data)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return Place(address, int(port, 16))
