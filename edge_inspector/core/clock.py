"""The two clocks: monotonic nanoseconds decide, UTC microseconds label."""

from __future__ import annotations

import time


def monotonic_ns() -> int:
    """Return nanoseconds on CLOCK_MONOTONIC, the same in every process of this machine since boot."""
    return time.monotonic_ns()


def utc_us() -> int:
    """Return microseconds since 1970 UTC. A label for people, never the base of a decision: it can step."""
    return time.time_ns() // 1000


def utc_us_at(moment_ns: int) -> int:
    """Return the UTC label of a monotonic moment, as the clocks relate now."""
    return (time.time_ns() - (time.monotonic_ns() - moment_ns)) // 1000
