"""SIGTERM and SIGINT: counted, and each wakes the loop that asks."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class StopSignals:
    """Owned by the main thread: Python runs the handlers there."""

    def __init__(self) -> None:
        """Prepare; nothing is caught yet."""
        self.requests = 0
        """How many came."""
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)

    def fileno(self) -> int:
        """Return what becomes readable when a signal comes."""
        return self._woken.fileno()

    def drain(self) -> None:
        """Take back the wake-ups that came so far: left in place they would wake the loop for ever."""
        with suppress(BlockingIOError):
            self._woken.recv(64)

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch them inside the block."""
        former_fd = signal.set_wakeup_fd(self._wake.fileno())
        former = {number: signal.signal(number, self._count) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(former_fd)

    def _count(self, _number: int, _frame: object) -> None:
        self.requests += 1
