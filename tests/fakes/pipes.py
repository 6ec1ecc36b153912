"""Waiting for a pipe, whatever its number is."""

from __future__ import annotations

import select
from typing import Protocol


class HasDescriptor(Protocol):
    """Has the number of a descriptor, as a file or a socket has."""

    def fileno(self) -> int: ...


def is_readable(source: int | HasDescriptor, timeout_s: float) -> bool:
    """Return whether something can be read, or the other end was closed, within the time.

    Unlike `select.select` it knows descriptors from 1024 on, which a long run of tests may have.
    """
    poll = select.poll()
    poll.register(source, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))
