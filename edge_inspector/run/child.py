"""Child processes: spawned, never forked; killed with their parent; watched through a pidfd."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from edge_inspector.run.scheduling import stand_in_line

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
NO_FD = -1
"""For a child that is not given a descriptor."""
_KILLED_S = 1.0
"""A killed process gives back its memory within milliseconds; well below the 4 s in which main must show itself."""
_LEFT_TO_PARENT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Start:
    """What a child is given: the shared descriptors and its plan."""

    memory_fd: int
    wake_fd: int
    notes_fd: int
    parent_pid: int
    plan: Any
    """A picklable frozen dataclass of the child's own composition root."""


class Child:
    """One running child process."""

    def __init__(self, module: str, memory_fd: int, wake_fd: int, notes_fd: int, plan: object) -> None:
        """Spawn `python -m module`.

        Args:
            module: Composition root to run.
            memory_fd: memfd of the line's shared memory; NO_FD for a child that has nothing to do with parts.
            wake_fd: eventfd of the hop; NO_FD likewise.
            notes_fd: The child's end of its handover.
            plan: Handed over pickled; read by our own process only.
        """
        start = Start(memory_fd, wake_fd, notes_fd, os.getpid(), plan)
        start_fd = os.memfd_create("edge-inspector-start")
        with os.fdopen(start_fd, "wb", closefd=False) as file:
            file.write(pickle.dumps(start))
        os.lseek(start_fd, 0, os.SEEK_SET)
        try:
            with _signals_held():
                self._process = subprocess.Popen(
                    # -P: the working directory is not searched for modules.
                    [sys.executable, "-P", "-m", module, str(start_fd)],
                    pass_fds=[fd for fd in (memory_fd, wake_fd, notes_fd, start_fd) if fd != NO_FD],
                    stdin=subprocess.DEVNULL,
                )
        finally:
            os.close(start_fd)
        self.module = module
        self.pid = self._process.pid
        try:
            self.pid_fd = os.pidfd_open(self.pid)
        except OSError:  # no descriptor left: unwatched it would work beside its successor
            self.kill()
            raise

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """Kill and reap; waits for its end, but not for one that a driver holds: then `poll` goes on to say None."""
        if self._process.poll() is None:
            self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILLED_S)

    def send_kill(self) -> None:
        """Kill without waiting for the end: what hangs in a driver ends when the driver lets go. Then `poll` tells."""
        self._process.kill()

    def close(self) -> None:
        """Let go of the descriptor of an ended child."""
        if self.pid_fd >= 0:
            os.close(self.pid_fd)
            self.pid_fd = -1


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold back what main alone obeys; a child inherits that, so that neither ends it while it still imports."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _LEFT_TO_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent(parent_pid: int, number: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends, however that ended.

    Args:
        parent_pid: Who it is; when it has ended already, this process ends at once.
        number: The signal.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent_pid:  # it ended before the line above took hold
        os._exit(70)


def enter_child(start_fd: int) -> Start:
    """Become a child of the line: die with the parent, leave signals to it, no longer stand behind it in the queue.

    Returns:
        What the parent handed over.
    """
    with os.fdopen(start_fd, "rb") as file:
        start: Start = pickle.loads(file.read())
    end_with_parent(start.parent_pid, signal.SIGKILL)
    # Ctrl-C and a service manager's SIGTERM reach the whole group; main alone decides when and in which order to stop.
    for number in _LEFT_TO_PARENT:
        signal.signal(number, signal.SIG_IGN)
    stand_in_line()
    return start
