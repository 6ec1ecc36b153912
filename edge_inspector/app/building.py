"""The making of a compiled engine in the inspect process, as main sees it: how long it takes, and that it may."""

from __future__ import annotations

from typing import Any

from edge_inspector.app.attendance import Attendance
from edge_inspector.app.outlet import Outlet
from edge_inspector.app.patience import BUILD_S
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.run.watch import Watched


class Building:
    """Follows the notes of the inspect process. Owned by main's loop.

    The inspect process cannot tell how far it has come: TensorRT does not say. So main counts the time.
    """

    def __init__(self, usual_s: float, inspect: Watched, attendance: Attendance, outlet: Outlet) -> None:
        """Prepare.

        Args:
            usual_s: How long a start may take in which nothing is compiled.
            inspect: The process, which is given the time that it needs.
            attendance: Feeds the watchdog for as long.
            outlet: Says what goes on.
        """
        self._usual_s, self._inspect, self._attendance, self._outlet = usual_s, inspect, attendance, outlet
        self._since_ns: int | None = None
        self._began_ns = 0
        self._spent_s = 0.0
        self._what, self._former_s = "", None
        self.newest_s = 0.0
        """How long the newest build took, or takes so far; 0 where there was none since main started."""

    def note(self, note: dict[str, Any]) -> None:
        """Take in that a build began or ended, and tell it."""
        what, took_s = note["what"], note["took_s"]
        if took_s is None:
            self._what, self._former_s, self._began_ns = what, note["former_s"], monotonic_ns()
            detail = f"the TensorRT engine of {what} is compiled, which takes minutes: {note['why']}; {self._known()}"
            self._outlet.announce("engine_building", "info", detail)
        else:
            self._spent_s += took_s
            self._what, self.newest_s = "", took_s
            self._outlet.announce("engine_built", "info", f"the TensorRT engine of {what} took {took_s:.0f} s")

    def settle(self) -> None:
        """Give the present inspect process the time that it needs, and say what it does; in each turn of main's loop.

        What it spends on building does not count for the time that it has to show progress.
        """
        inspect = self._inspect
        if inspect.since_ns != self._since_ns or inspect.is_at_work:  # whatever it built has ended
            self._since_ns, self._spent_s, self._what = inspect.since_ns, 0.0, ""
        if self._what:
            self.newest_s = (monotonic_ns() - self._began_ns) / 1e9
        under_way_s = min(self.newest_s, BUILD_S) if self._what else 0.0
        allowed_s = self._usual_s + self._spent_s + under_way_s
        inspect.allow_start(allowed_s)
        self._attendance.allow_start(allowed_s)
        self._outlet.doing = self.sentence()

    def sentence(self) -> str:
        """Return what is going on, in words; empty while nothing is compiled."""
        if not self._what:
            return ""
        return f"building the TensorRT engine of {self._what}, {self.newest_s:.0f} s so far, {self._known()}"

    def _known(self) -> str:
        return "the first time here" if self._former_s is None else f"{self._former_s:.0f} s the last time"
