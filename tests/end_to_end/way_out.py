"""A way out of a network namespace that leads to whoever holds it: every packet that a program sends is read here.

A tun device with the default route. It needs the right to change this namespace's network, which `unshare --net` gives,
and no other program.
"""

from __future__ import annotations

import ctypes
import fcntl
import ipaddress
import os
import select
import socket
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

NAME = b"out0"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SIOCSIFFLAGS, SIOCSIFADDR, SIOCADDRT = 0x8914, 0x8916, 0x890B
IFF_UP, IFF_RUNNING, RTF_UP = 0x1, 0x40, 0x1
OWN = "198.51.100.2"
"""TEST-NET-2, RFC 5737: belongs to nobody."""
_RTENTRY_BYTES = 120


def _address(text: str) -> bytes:
    return struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))


def set_up(interface: bytes) -> None:
    """Switch an interface on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", interface, IFF_UP | IFF_RUNNING))


class WayOut:
    """The default route of this namespace. A context manager; gone with its end."""

    def __enter__(self) -> Self:
        self._fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        fcntl.ioctl(self._fd, TUNSETIFF, struct.pack("16sH22x", NAME, IFF_TUN | IFF_NO_PI))
        # The kernel itself would greet IPv6 neighbours. A program's IPv6 finds no route, and is counted so.
        Path(f"/proc/sys/net/ipv6/conf/{NAME.decode()}/disable_ipv6").write_text("1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFADDR, struct.pack("16s16s", NAME, _address(OWN)))
            set_up(NAME)
            device = ctypes.create_string_buffer(NAME)
            everywhere = _address("0.0.0.0")
            # struct rtentry: destination, gateway, mask, flags; of the rest the device alone.
            route = struct.pack(
                "@L16s16s16sHhLPhP", 0, everywhere, everywhere, everywhere, RTF_UP, 0, 0, 0, 0, ctypes.addressof(device)
            )
            fcntl.ioctl(any_socket, SIOCADDRT, route.ljust(_RTENTRY_BYTES, b"\0"))
        return self

    def packets(self, wait_s: float = 0.2) -> list[str]:
        """Return what was sent since the last call, each packet as protocol and destination."""
        found = []
        while select.select([self._fd], [], [], wait_s)[0]:
            packet = os.read(self._fd, 65536)
            where = ipaddress.ip_address(packet[16:20]) if packet[0] >> 4 == 4 else ipaddress.ip_address(packet[24:40])
            found.append(f"protocol {packet[9 if packet[0] >> 4 == 4 else 6]} to {where}")
        return found

    def n_sent(self) -> int:
        """Return the kernel's own count of packets that took this way."""
        for row in Path("/proc/net/dev").read_text().splitlines():
            name, _, figures = row.partition(":")
            if name.strip() == NAME.decode():
                return int(figures.split()[9])
        raise LookupError(NAME)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)


if __name__ == "__main__":  # can it be had here?
    with WayOut() as way:
        assert way.n_sent() == 0
