"""A steady beat for sources that have no trigger of their own."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge_inspector.core.clock import monotonic_ns

_NS = 1_000_000_000


class Pace:
    """Says when each item is due. The beat starts with the first `wait` and does not drift.

    An item that is fetched late keeps its due time, as a part that waits in a buffer keeps its trigger time;
    none is left out.

    Args:
        rate_hz: Items per second; None makes each item due when it is asked for.
        now_ns: The clock.
        sleep_s: How to wait.
    """

    def __init__(
        self,
        rate_hz: float | None,
        now_ns: Callable[[], int] = monotonic_ns,
        sleep_s: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate_hz = rate_hz
        self._now_ns = now_ns
        self._sleep_s = sleep_s
        self._start_ns: int | None = None
        self._n = 0

    def wait(self, timeout_s: float) -> int | None:
        """Wait for the next beat.

        Returns:
            When it was due, in monotonic ns, never in the future; None when it is not due within the time.
        """
        now_ns = self._now_ns()
        if self._rate_hz is None:
            return now_ns
        if self._start_ns is None:
            self._start_ns = now_ns
        # Counted from the start each time: adding up periods would add up their rounding too.
        due_ns = self._start_ns + round(self._n * _NS / self._rate_hz)
        if due_ns > now_ns + timeout_s * _NS:
            if timeout_s > 0:
                self._sleep_s(timeout_s)
            return None
        while now_ns < due_ns:
            self._sleep_s((due_ns - now_ns) / _NS)
            now_ns = self._now_ns()
        self._n += 1
        return due_ns
