"""Whether the computer's UTC clock is disciplined."""

from __future__ import annotations

import ctypes

_TIME_ERROR = 5  # sys/timex.h: clock not synchronized
_TIMEX_BYTES = 512
"""struct timex is 208 bytes on 64-bit Linux; zeroed, its `modes` of 0 only asks."""


def is_clock_synced() -> bool:
    """Return whether the kernel's clock is synchronized (adjtimex); False where it cannot be asked."""
    answer: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return 0 <= answer < _TIME_ERROR
