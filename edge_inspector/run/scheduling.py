"""Who goes first on this computer: cores and priorities of processes and threads.

Linux has priorities for threads, not for processes: what is set here is set for every thread that there is, and the
threads that come later inherit it from the one that makes them. Going down is free; going up needs the right
(LimitNICE in the service's unit).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

EVIDENCE_NICE = 10
"""Pictures for people can wait: a tenth of a core that somebody else wants. With 15, a thirtieth, a computer without
an idle moment wrote one picture in ten of those that it writes with 0, and dropped the rest."""
PAGE_NICE = 10
"""Prometheus waits 10 s for its page; a tenth of a wanted core renders it in a tenth of a second."""
SERVICE_NICE = 5
"""A client that asks for hello waits for the answer; it still must not delay a verdict."""
_MOST_NICE = 19


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process runs and how early it gets its turn."""

    cores: tuple[int, ...] | None = None
    """Numbers of the cores it may use; None for those of the process that starts it."""
    nice: int = 0
    """Steps added to the priority it was started with; below 0 goes earlier."""


ANYWHERE = Place()
"""Where the process that starts it is."""


def take_place(place: Place) -> list[str]:
    """Put every thread of this process in its place; before the process makes more of them.

    Returns:
        What the kernel refused, in words; the process runs on without it.
    """
    refused: dict[str, None] = {}
    for thread in _threads():
        if place.cores is not None:
            try:
                os.sched_setaffinity(thread, place.cores)
            except ProcessLookupError:
                continue  # a thread that has just ended
            except OSError as error:
                refused[f"cores {', '.join(map(str, place.cores))} are refused: {error.strerror}"] = None
        if place.nice:
            try:
                _add_nice(thread, place.nice)
            except ProcessLookupError:
                continue
            except PermissionError:
                refused[priority_refused(place.nice)] = None
    return list(refused)


def stand_behind() -> None:
    """Let no thread of this process interrupt another process's by waking up (SCHED_BATCH); it still gets its share.

    Not by its nice value: a child starts with that of the thread that starts it, and may not raise itself again.
    """
    _set_policy(os.SCHED_BATCH)


def stand_in_line() -> None:
    """Undo `stand_behind` in a child, which inherits it; needs no right."""
    _set_policy(os.SCHED_OTHER)


def lower_this_thread(nice: int) -> None:
    """Lower the calling thread alone by so many steps."""
    _add_nice(threading.get_native_id(), nice)


def may_raise(nice: int) -> bool:
    """Return whether this user may add `nice` steps, below 0, to a priority; tried on the calling thread and undone."""
    thread = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, thread)
    try:
        _add_nice(thread, nice)
    except PermissionError:
        return False
    os.setpriority(os.PRIO_PROCESS, thread, before)
    return True


def priority_refused(nice: int) -> str:
    """Return what to say when a priority is refused."""
    return (
        f"no right to a priority of {nice}; the line runs on without it. Write LimitNICE={nice} into the service's "
        "unit, or set performance.nice to 0"
    )


def _add_nice(thread: int, steps: int) -> None:
    before = os.getpriority(os.PRIO_PROCESS, thread)
    os.setpriority(os.PRIO_PROCESS, thread, min(before + steps, _MOST_NICE))


def _set_policy(policy: int) -> None:
    for thread in _threads():
        with suppress(OSError):  # a thread that has just ended, or a sandbox forbids it: the line runs all the same
            os.sched_setscheduler(thread, policy, os.sched_param(0))


def _threads() -> Iterator[int]:
    """Yield the kernel's number of each thread of this process; libraries make some while they are imported."""
    return (int(name) for name in os.listdir("/proc/self/task"))
