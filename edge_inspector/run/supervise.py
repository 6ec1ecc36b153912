"""The life of a line: all children kept alive while it runs, then a shutdown in the order of the flow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import Enum, auto
from typing import Protocol

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.verdict import LineState
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraStatus, CameraWord, LineMemory, Word
from edge_inspector.run.ring import RingWriter
from edge_inspector.run.watch import Ending, Watched

_S = 1_000_000_000
JUDGE_S = 3.0
"""After a stop request accepted parts are still judged for so long, then they are UNKNOWN `shutdown` (law 8)."""
DISARM_S = 2.0
"""A camera that has not let go by then is killed."""
CLOSE_S = 4.0
"""What the inspect process may take on top to send its last verdicts."""
_NEVER_NS = 2**62


class Announce(Protocol):
    """Tells people and clients what happened."""

    def __call__(self, name: str, severity: str, detail: str, extra: dict[str, object] | None = None) -> None:
        """Log it and send it as an event."""
        ...


class Phase(Enum):
    """Where the line is in its life."""

    RUNNING = auto()
    DISARMING = auto()
    DRAINING = auto()
    OVER = auto()


class Supervisor:
    """Decides who runs and when all is over. Owned by main's loop; nothing here waits."""

    def __init__(
        self, memory: LineMemory, wake_fd: int, cameras: Sequence[Watched], inspect: Watched, announce: Announce
    ) -> None:
        """Take over the children, the cameras' in the order of the memory's; the first `tick` starts them."""
        self._memory, self._wake_fd, self._ledger = memory, wake_fd, Ledger(memory)
        self._cameras, self._inspect, self._announce = tuple(cameras), inspect, announce
        self._phase = Phase.RUNNING
        self._phase_ends_ns = _NEVER_NS
        self._drain_s: float | None = JUDGE_S
        self.exit_code = 0
        self.failure = ""
        """Why the line ended with another code than 0."""

    @property
    def is_over(self) -> bool:
        """Whether all children have ended for good."""
        return self._phase is Phase.OVER

    @property
    def is_halting(self) -> bool:
        """Whether a shutdown has begun."""
        return self._phase is not Phase.RUNNING

    def tick(self) -> None:
        """Look after all children and go on with a shutdown."""
        for place in range(len(self._cameras)):
            self._watch_camera(place)
        self._watch_inspect()
        if self._phase is Phase.DISARMING:
            self._disarm()
        elif self._phase is Phase.DRAINING:
            self._drain()

    def halt(self, judge_s: float | None = JUDGE_S) -> None:
        """Begin the shutdown: camera disarmed, accepted parts judged, journal and sockets closed.

        Args:
            judge_s: Parts that wait longer are UNKNOWN `shutdown`; None judges all (a finite source has ended).
                A limit also bounds a shutdown that had none; otherwise a second call changes nothing.
        """
        if self.is_halting and (judge_s is None or self._drain_s is not None):
            return
        self._drain_s = judge_s
        halt_ns = _NEVER_NS if judge_s is None else monotonic_ns() + round(judge_s * _S)
        self._memory.write(Word.HALT_NS, halt_ns)
        if self._phase is Phase.RUNNING:
            for camera in self._cameras:
                camera.is_wanted = False
            self._memory.write(Word.STOP_CAMERA, 1)
            self._enter(Phase.DISARMING, DISARM_S)
        elif self._phase is Phase.DRAINING:
            self._enter_draining()

    def force(self, why: str) -> None:
        """End at once: kill all children and announce what has no verdict."""
        self._kill_all()
        for memory in self._memory.cameras:
            RingWriter(memory, self._wake_fd)
        totals = self._ledger.totals()
        if totals.in_flight:
            first = self._memory.read(Word.FIRST_PART)
            lost: dict[str, object] = {"range": [first + totals.verdicts, first + totals.triggers - 1]}
            self._announce("parts_lost", "error", f"{totals.in_flight} parts have no verdict: {why}", lost)
        self.end(70, why)

    def end(self, exit_code: int, failure: str) -> None:
        """End with an error; kills what still runs."""
        self._kill_all()
        self.exit_code, self.failure = exit_code, failure
        self._enter(Phase.OVER, 0)

    def _kill_all(self) -> None:
        for child in (*self._cameras, self._inspect):
            child.kill()

    def _watch_camera(self, place: int) -> None:
        ending = self._cameras[place].tick()
        if ending is None:
            return
        has_played_all = self._memory.cameras[place].read(CameraWord.STATUS) == CameraStatus.ENDED
        self._settle_camera(place)
        if has_played_all:
            self._cameras[place].is_wanted = False
            if not any(camera.is_wanted for camera in self._cameras):
                self.halt(judge_s=None)
        elif not self.is_halting and ending.status != 69:  # 69: the process itself said what is wrong
            self._announce("camera_process_lost", "error", f"{ending}; it is started again")

    def _settle_camera(self, place: int) -> None:
        """Act as the dead camera process's successor, so that what it had in hand is UNKNOWN at once."""
        memory = self._memory.cameras[place]
        if memory.read(CameraWord.STATUS) != CameraStatus.ENDED:
            memory.write(CameraWord.STATUS, CameraStatus.DOWN)
        RingWriter(memory, self._wake_fd)

    def _watch_inspect(self) -> None:
        ending = self._inspect.tick()
        if ending is None or self._phase is Phase.OVER:
            return
        if self._phase is Phase.DRAINING and ending.status == 0:
            self._inspect.is_wanted = False
            self._enter(Phase.OVER, 0)
            return
        self._note_inspect_lost(ending)

    def _note_inspect_lost(self, ending: Ending) -> None:
        self._memory.write(Word.READY, 0)
        self._memory.write(Word.STATE, LineState.PREOPERATIONAL)
        in_flight = self._ledger.totals().in_flight
        detail = f"{ending}; it is started again, {in_flight} accepted parts become UNKNOWN process_lost"
        self._announce("inspect_process_lost", "error", detail)

    def _disarm(self) -> None:
        running = [place for place, camera in enumerate(self._cameras) if camera.child is not None]
        if running and monotonic_ns() > self._phase_ends_ns:
            for place in running:
                self._cameras[place].kill()
                self._settle_camera(place)
            names = ", ".join(self._cameras[place].name for place in running)
            self._announce("camera_killed", "warning", f"{names} did not let go within {DISARM_S:g} s")
            running = []
        if not running:
            self._enter_draining()
            self._say_camera_gone()

    def _drain(self) -> None:
        self._say_camera_gone()
        if monotonic_ns() > self._phase_ends_ns:
            self.force("the inspect process did not finish in time")

    def _say_camera_gone(self) -> None:
        """Tell the inspect process that nothing more comes, once every trigger has its place in the ring.

        Triggers that found the ring full get theirs as it empties: until then the end would come without them.
        """
        if self._memory.read(Word.CAMERA_GONE):
            return
        for place in range(len(self._cameras)):
            self._settle_camera(place)
        if all(memory.read(CameraWord.HEAD) == memory.read(CameraWord.TRIGGERS) for memory in self._memory.cameras):
            self._memory.write(Word.CAMERA_GONE, 1)
            os.eventfd_write(self._wake_fd, 1)

    def _enter_draining(self) -> None:
        self._enter(Phase.DRAINING, None if self._drain_s is None else self._drain_s + CLOSE_S)

    def _enter(self, phase: Phase, limit_s: float | None) -> None:
        self._phase = phase
        self._phase_ends_ns = _NEVER_NS if limit_s is None else monotonic_ns() + round(limit_s * _S)
