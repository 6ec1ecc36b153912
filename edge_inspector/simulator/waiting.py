"""Waiting for something that another process does."""

from __future__ import annotations

import time
from collections.abc import Callable

_POLL_S = 0.001


def wait_until(is_so: Callable[[], bool], what: str, timeout_s: float = 10.0) -> None:
    """Return as soon as something is so.

    Raises:
        TimeoutError: It was not so in time; says what was waited for.
    """
    until_s = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > until_s:
            raise TimeoutError(f"waited {timeout_s} s in vain for: {what}")
        time.sleep(_POLL_S)
