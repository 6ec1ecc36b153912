"""Runs a whole line to its end in a network namespace that has a loopback and nothing else; prints what it tried.

`unshare --net python offline_run.py CONFIG`: one JSON object with the daemon's exit code and the kernel's count of
packets that had nowhere to go: a name look-up, a connection or a ping to anything but this machine raises it.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import subprocess
import sys
from pathlib import Path

SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def unroutable() -> int:
    """Return how many packets of this namespace found no route, IPv4 and IPv6."""
    names, values = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line[:3] == "Ip:"]
    count = int(dict(zip(names, values, strict=True))["OutNoRoutes"])
    for row in Path("/proc/net/snmp6").read_text().splitlines():
        if row.startswith("Ip6OutNoRoutes"):
            count += int(row.split()[1])
    return count


def call_out() -> None:
    """Do what a program must not do: the proof that the count would show it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        any_socket.connect_ex(("192.0.2.1", 53))  # TEST-NET-1, RFC 5737: an address that belongs to nobody


if __name__ == "__main__":
    loopback_up()
    before = unroutable()
    command = [sys.executable, "-m", "edge_inspector.cli.main", "run", "--config", sys.argv[1]]
    code = subprocess.run(command, check=False, timeout=50).returncode
    tried = unroutable() - before
    call_out()
    print(json.dumps({"code": code, "tried": tried, "would_show": unroutable() - before - tried}))
