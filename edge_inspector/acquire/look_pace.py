"""How long to wait between two looks at the queue of a camera. Pure."""

from __future__ import annotations

LOOK_S = 0.0005
"""Asking GenTL to wait instead would hold the GIL all that time."""
REST_AFTER_NS = 10_000_000_000
REST_S = 0.02
"""Waking up for a look costs some 0.1 ms of a virtual machine, which adds up where a line stands still. The first part
after a rest is seen so much later at most; its trigger time is the camera's all the same."""


def look_pace_s(silent_ns: int, is_timed: bool) -> float:
    """Return the seconds to the next look.

    Args:
        silent_ns: Since the newest buffer.
        is_timed: That one had its trigger time from the camera's clock. Where the moment at which a buffer is seen is
            its trigger time, a late look would shift it: such a camera is always looked at often.
    """
    return REST_S if is_timed and silent_ns > REST_AFTER_NS else LOOK_S
