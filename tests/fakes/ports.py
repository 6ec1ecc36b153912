"""Ports for lines under test."""

from __future__ import annotations

import contextlib
import socket


def free_ports(n: int) -> list[int]:
    """Ports that nobody listens on now, each another one: a port that was just let go of may be given again."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(n)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
