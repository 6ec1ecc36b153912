"""What the computer tells: ports that are free, what a process runs."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path


def free_ports(n: int) -> list[int]:
    """Ports that nobody listens on now, each another one: a port that was just let go of may be given again."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(n)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def command_of(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
