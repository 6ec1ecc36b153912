"""A child process that must always run: started, watched, killed when it hangs, replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.logs import get_log
from edge_inspector.run.child import Child

log = get_log(__name__)

_S = 1_000_000_000
STEADY_NS = 10 * _S
"""A child that ran so long is replaced at once; one that ended sooner waits, doubling up to MAX_WAIT_NS."""
MIN_WAIT_NS = _S // 4
MAX_WAIT_NS = 5 * _S


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended."""

    name: str
    status: int
    """Exit status, negative for a signal."""
    was_hung: bool
    """It was killed here, since it showed no progress."""
    why: str = ""
    """Why it was replaced, though it worked."""

    def __str__(self) -> str:
        """Return it in words."""
        if self.why:
            return f"{self.name} process was replaced: {self.why}"
        if self.was_hung:
            return f"{self.name} process hung and was killed"
        if self.status < 0:
            return f"{self.name} process was killed by signal {-self.status}"
        return f"{self.name} process ended with status {self.status}"


class Watched:
    """Keeps one child alive. Owned by main's loop."""

    def __init__(
        self, name: str, spawn: Callable[[], Child], progress_ns: Callable[[], int], stall_s: float, start_s: float
    ) -> None:
        """Prepare; the first `tick` starts it.

        Args:
            name: In events.
            spawn: Starts the child.
            progress_ns: When it last showed progress, monotonic.
            stall_s: Without progress for so long it is killed.
            start_s: The same for its first progress after a start.
        """
        self.name = name
        self.restarts = 0
        self.child: Child | None = None
        self.is_wanted = True
        """False: an ended child is not replaced."""
        self._spawn, self._progress_ns = spawn, progress_ns
        self._stall_ns, self._start_ns = round(stall_s * _S), round(start_s * _S)
        self._condemned = ""
        self._was_hung = self._is_undying = False
        self._began_ns = 0
        self._next_ns = 0
        self._wait_ns = MIN_WAIT_NS

    @property
    def since_ns(self) -> int | None:
        """When the present child was started, monotonic; None while none runs."""
        return None if self.child is None else self._began_ns

    @property
    def is_at_work(self) -> bool:
        """Whether the present child has shown progress since it was started."""
        return self.child is not None and self._progress_ns() >= self._began_ns

    def tick(self) -> Ending | None:
        """Start, check or reap the child; returns how it ended, once."""
        now_ns = monotonic_ns()
        if self.child is None:
            if self.is_wanted and now_ns >= self._next_ns:
                self._start(now_ns)
            return None
        if self.child.poll() is None:
            self._was_hung = self._was_hung or self._is_hung(now_ns)
            if self._is_undying or not (self._was_hung or self._condemned):
                return None
        self.child.kill()
        if self.child.poll() is None:
            self._say_undying(self.child.pid)
            return None
        return self._reap(now_ns, self._was_hung)

    def allow_start(self, start_s: float) -> None:
        """Give the first progress after a start another time: the present child has said that it needs it."""
        self._start_ns = round(start_s * _S)

    def replace(self, why: str) -> None:
        """Have the next `tick` put a fresh child in the place of the present one."""
        if self.child is not None:
            self._condemned = why

    def kill(self) -> Ending | None:
        """Kill the child for good; returns how it ended, None if none ran."""
        self.is_wanted = False
        if self.child is None:
            return None
        self.child.kill()
        return self._reap(monotonic_ns(), was_hung=False)

    def _start(self, now_ns: int) -> None:
        try:
            self.child, self._began_ns = self._spawn(), now_ns
        except OSError as error:  # this computer has no process, memory or descriptor to give just now
            log.error("process_not_started", process=self.name, detail=str(error))
            self._wait_longer(now_ns)

    def _reap(self, now_ns: int, was_hung: bool) -> Ending:
        assert self.child is not None
        status = self.child.poll()
        self.child.close()
        self.child = None
        if now_ns - self._began_ns > STEADY_NS:
            self._wait_ns, self._next_ns = MIN_WAIT_NS, now_ns
        else:
            self._wait_longer(now_ns)
        if self.is_wanted:
            self.restarts += 1
        why, self._condemned = self._condemned, ""
        self._was_hung = self._is_undying = False
        return Ending(self.name, status if status is not None else -9, was_hung, why)

    def _say_undying(self, pid: int) -> None:
        self._is_undying = True
        detail = (
            "it hangs in the kernel, most likely in a driver: see dmesg, and nvidia-smi where there is a GPU. No "
            "successor is started beside it; if it does not end by itself, restart the computer"
        )
        log.error("process_cannot_be_killed", process=self.name, pid=pid, detail=detail)

    def _wait_longer(self, now_ns: int) -> None:
        self._next_ns = now_ns + self._wait_ns
        self._wait_ns = min(2 * self._wait_ns, MAX_WAIT_NS)

    def _is_hung(self, now_ns: int) -> bool:
        progress_ns = self._progress_ns()
        if progress_ns < self._began_ns:
            return now_ns - self._began_ns > self._start_ns
        return now_ns - progress_ns > self._stall_ns
