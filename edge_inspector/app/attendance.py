"""What the service manager hears of the line: started, how it goes, still at work, stopping."""

from __future__ import annotations

from edge_inspector.app.outlet import Outlet
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.observe.notify import Notifier
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import LineMemory, Word

_S = 1_000_000_000


class Attendance:
    """Called in each turn of main's loop: that it is called at all is half of what feeds the watchdog.

    The other half is progress of the inspect process: parts judged, chunks of tiles done, heartbeats while idle. A
    process that shows none is killed by main after `stall_s` and replaced; only when that does not help, since no
    process comes to work within `start_s`, or main itself hangs, the watchdog starves and all is started anew.
    """

    def __init__(self, notifier: Notifier, memory: LineMemory, outlet: Outlet, stall_s: float, start_s: float) -> None:
        """Prepare.

        Args:
            notifier: To the service manager.
            memory: The line's shared memory.
            outlet: Knows state and faults.
            stall_s: A process at work shows progress within this time.
            start_s: The same for one that starts.
        """
        self._notifier, self._memory, self._outlet, self._ledger = notifier, memory, outlet, Ledger(memory)
        self._stall_ns, self._start_ns = round(stall_s * _S), round(start_s * _S)
        self._began_ns = monotonic_ns()
        self._next_feed_ns = self._next_status_ns = 0
        self._is_ready = self._is_stopping = False
        self._status = ""

    def turn(self, at_work_since_ns: int | None) -> None:
        """Say what is due.

        Args:
            at_work_since_ns: When the present inspect process was started, monotonic; None while there is none.
        """
        now_ns = monotonic_ns()
        if not self._is_ready and self._memory.read(Word.SIGNALS_BOUND):
            self._is_ready = True
            self._notifier.ready()
        if self._notifier.watchdog_s and now_ns >= self._next_feed_ns and self._is_alive(now_ns, at_work_since_ns):
            self._next_feed_ns = now_ns + round(self._notifier.watchdog_s / 2 * _S)
            self._notifier.feed()
        if now_ns >= self._next_status_ns:
            self._next_status_ns = now_ns + _S
            self._tell_status()

    def allow_start(self, start_s: float) -> None:
        """Give a process that starts another time to show progress."""
        self._start_ns = round(start_s * _S)

    def stopping(self) -> None:
        """Say that the end has begun, once."""
        if not self._is_stopping:
            self._is_stopping = True
            self._notifier.stopping()

    def close(self) -> None:
        """Say the last word."""
        self.stopping()
        self._tell_status()

    def _is_alive(self, now_ns: int, at_work_since_ns: int | None) -> bool:
        progress_ns = self._memory.read(Word.INSPECT_PROGRESS_NS)
        is_at_work = at_work_since_ns is not None and progress_ns >= at_work_since_ns
        allowed_ns = self._stall_ns if is_at_work else self._start_ns
        return now_ns - max(progress_ns, self._began_ns) <= allowed_ns

    def _tell_status(self) -> None:
        state, reason = self._outlet.state()
        totals = self._ledger.totals()
        if self._outlet.is_ready():
            said = "ready, bypass on" if self._outlet.bypass_left_s() > 0 else "ready"
            said += ", in a drill" if self._outlet.drill_left_s() > 0 else ""
        else:
            said = f"not ready: {state.wire_name}, {reason}"
        status = f"{said}; {totals.triggers} parts, {totals.rejects} rejects, {totals.unknowns} not judged"
        if status != self._status:
            self._status = status
            self._notifier.status(status)
