"""Composition root of the main process: the supervisor, service, telemetry, metrics and evidence of one line."""

from __future__ import annotations

import os
import selectors
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from edge_inspector.app.attendance import Attendance
from edge_inspector.app.building import Building
from edge_inspector.app.bypass import BypassControl
from edge_inspector.app.camera_advice import with_advice
from edge_inspector.app.journal import LineJournal
from edge_inspector.app.keeping import new_keeper
from edge_inspector.app.outlet import Outlet
from edge_inspector.app.patience import CAMERA_START_S, STALL_S, start_s
from edge_inspector.app.planning import grab_plans, inspect_plan, layouts_of
from edge_inspector.app.plans import process_name
from edge_inspector.app.ready import ReadyView
from edge_inspector.app.report import Children, announce_start, grown_too_large, new_reporter
from edge_inspector.app.stop_signals import StopSignals
from edge_inspector.app.trust import unsigned_of
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EngineError, JournalError, ProcessError
from edge_inspector.core.frame import F32
from edge_inspector.core.logs import get_log
from edge_inspector.observe.notify import Notifier
from edge_inspector.run.child import Child
from edge_inspector.run.clocksync import is_clock_synced
from edge_inspector.run.folder_lock import FolderLock
from edge_inspector.run.handover import NoteReceiver, handover_pair
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraWord, LineMemory, Word
from edge_inspector.run.part_numbers import PartNumbers
from edge_inspector.run.supervise import Supervisor
from edge_inspector.run.watch import Watched
from edge_inspector.settings.line import LineSettings

log = get_log(__name__)

TICK_S = 0.1
"""A turn costs half a millisecond, and what is urgent wakes main: 0.05 took 0.5 % of a core of a line at rest."""
TURN_NS = 20_000_000
"""Main looks after everything so often; at once when a child ends or a signal comes. Doing that with every note would
cost a tenth of a core at 500 parts a second."""
NOTES_AT_ONCE = 256
"""Then main looks after its children and its signals again, however fast notes come."""
SECOND_NS = 1_000_000_000


class Daemon:
    """One line, from start to end. Built and run in the main thread."""

    def __init__(self, settings: LineSettings, views: Sequence[ReadyView], config_file: Path) -> None:
        """Bind, lock and prepare; no child runs yet.

        Args:
            settings: Of the line.
            views: One for each camera, in the order of the configuration.
            config_file: For messages.

        Raises:
            EndpointError, KeysError: An address cannot be bound; the keys that encrypt it cannot be used.
            ProcessError, JournalError: The state folder, or the journal's, cannot be used, or is another's.
        """
        self._settings = settings
        # Before the binds: a second daemon is told who was first, not that a port is taken.
        lock, self._memory = FolderLock(settings.state_dir, "state_dir"), LineMemory(*layouts_of(settings))
        self._journal = LineJournal(settings, self._memory)
        self._ledger = Ledger(self._memory)
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._outlet = Outlet(settings, self._memory, unsigned_of(views))
        self._keeper = new_keeper(settings, views, self._memory)
        # After the binds: a start that fails there uses up no part numbers.
        self._numbers = PartNumbers(settings.state_dir, lock)
        self._journal.begin(self._numbers)
        self._outlet.begin_epoch(self._epoch())
        self._bypass = BypassControl(settings, self._memory, self._epoch(), views[0].bundle.label)
        self._reload = self._bypass.with_reload(views, config_file, self._wake_fd)
        self._reporter = new_reporter(settings, views, self._memory, self._outlet)
        # What asks for a turn at once, and that together with the notes, which do not.
        self._urgent, self._selector = selectors.DefaultSelector(), selectors.DefaultSelector()
        self._selector.register(self._urgent.fileno(), selectors.EVENT_READ)
        self._receivers: list[NoteReceiver] = []
        self._cameras = self._camera_children()
        self._inspect = self._inspect_child(views, config_file)
        self._supervisor = self._new_supervisor()
        self._attendance = Attendance(Notifier(), self._memory, self._outlet, STALL_S, start_s(views))
        self._building = Building(start_s(views), self._inspect, self._attendance, self._outlet)
        self._stops, self._stops_obeyed = StopSignals(), 0
        self._urgent.register(self._stops, selectors.EVENT_READ)
        self._watched_fds: dict[int, int] = {}
        self._next_turn_ns = self._next_second_ns = self._next_reserve_ns = 0

    def run(self) -> int:
        """Run until a signal or the end of a finite source; returns the exit code."""
        with self._bypass.hangups.caught():  # before the threads start, which inherit it
            self._outlet.start()
            if self._keeper is not None:
                self._keeper.worker.start()
            announce_start(self._settings, self._epoch(), self._numbers.first, self._outlet)
            self._bypass.start()
            with self._stops.caught():
                while not self._supervisor.is_over:
                    now_ns = monotonic_ns()
                    if now_ns >= self._next_turn_ns:
                        self._next_turn_ns = now_ns + TURN_NS
                        self._turn()
                    self._wait()
                    self._take_notes()
                    self._obey_signals()
            self._finish()
        return self._supervisor.exit_code

    def _turn(self) -> None:
        self._supervisor.tick()
        self._watch_children()
        self._outlet.follow_state()
        self._bypass.tell(self._outlet)
        self._outlet.settle(self._reload.settings)
        self._journal.tell(self._outlet.announce)
        self._reserve_numbers()
        keepers = []
        if self._keeper is not None:
            self._keeper.settle(self._reload.settings.evidence)
            keepers = [self._keeper.worker]
        self._outlet.watch_workers(self._bypass.worker, *keepers)
        self._building.settle()
        self._attendance.turn(self._inspect.since_ns)
        if monotonic_ns() >= self._next_second_ns:
            self._every_second()

    @property
    def failure(self) -> str:
        """Why it ended with another code than 0."""
        return self._supervisor.failure

    def _epoch(self) -> int:
        return self._memory.read(Word.EPOCH)

    def _new_supervisor(self) -> Supervisor:
        announce = with_advice(self._outlet.announce, self._settings)
        return Supervisor(self._memory, self._wake_fd, self._cameras, self._inspect, announce)

    def _inspect_child(self, views: Sequence[ReadyView], config_file: Path) -> Watched:
        plan = self._outlet.with_keys(inspect_plan(self._settings, views, config_file))
        progress_ns = partial(self._memory.read, Word.INSPECT_PROGRESS_NS)
        settle = partial(self._journal.settle, self._numbers, self._outlet.begin_epoch)
        return self._child("inspect", "inspect", plan, progress_ns, start_s(views), settle)

    def _camera_children(self) -> list[Watched]:
        children = []
        for plan, memory in zip(grab_plans(self._settings), self._memory.cameras, strict=True):
            progress_ns = partial(memory.read, CameraWord.PROGRESS_NS)
            children.append(self._child(process_name(plan), "camera", plan, progress_ns, CAMERA_START_S))
        return children

    def _child(
        self,
        name: str,
        module: str,
        plan: object,
        progress_ns: Callable[[], int],
        start_s: float,
        before: Callable[[], None] = lambda: None,
    ) -> Watched:
        receiver, sender = handover_pair()
        self._receivers.append(NoteReceiver(receiver))
        self._selector.register(receiver, selectors.EVENT_READ)

        def spawn() -> Child:
            before()
            return Child(f"edge_inspector.app.{module}", self._memory.fd, self._wake_fd, sender.fileno(), plan)

        return Watched(name, spawn, progress_ns, STALL_S, start_s)

    def _wait(self) -> None:
        # Notes wake it at once: a heartbeat is what `hello` answers with, a lent slot is what the camera needs back.
        self._selector.select(TICK_S)
        if self._urgent.select(0):
            self._next_turn_ns = 0
        self._stops.drain()

    def _watch_children(self) -> None:
        """Let a child's end wake the loop."""
        running = {child.child.pid: child.child.pid_fd for child in (*self._cameras, self._inspect) if child.child}
        for pid in self._watched_fds.keys() - running.keys():  # first: a new child may have the number of an old one
            self._urgent.unregister(self._watched_fds.pop(pid))
        for pid in running.keys() - self._watched_fds.keys():
            self._urgent.register(running[pid], selectors.EVENT_READ)
            self._watched_fds[pid] = running[pid]

    def _take_notes(self, most: int = NOTES_AT_ONCE) -> None:
        for receiver in self._receivers:
            for note, heat in receiver.take_up_to(most):
                self._take_note(note, heat)

    def _take_note(self, note: dict[str, Any], heat: F32 | None) -> None:
        match note["kind"]:
            case "hb":
                self._outlet.heard_beat(note["body"], note["sent_ns"])
            case "build":
                self._building.note(note)
            case "view":
                if self._keeper is not None:
                    self._keeper.keep_view(note, heat)
            case "verdict":
                self._reporter.verdict(note)
                if self._keeper is not None:
                    self._keeper.keep(note, heat)
            case "fatal" if not self._memory.read(Word.HEARTBEAT_NS) and note["name"] != EngineError.__name__:
                # It never worked: a person must act. Later the same error is met by starting the process again.
                self._supervisor.end(note["exit_code"], note["detail"])
            case "fatal":
                if note["name"] == JournalError.__name__:
                    self._journal.suspect()
                self._outlet.announce("inspect_error", "error", note["detail"])
            case _:
                self._outlet.announce(note["name"], note.get("severity", "error"), note["detail"])

    def _every_second(self) -> None:
        self._next_second_ns = monotonic_ns() + SECOND_NS
        self._memory.write(Word.CLOCK_SYNCED, int(is_clock_synced()))
        self._send_metrics()
        for camera, view in zip(self._cameras, self._settings.views(), strict=True):
            if what := grown_too_large(camera.child, view):
                camera.replace(what)

    def _reserve_numbers(self) -> None:
        if monotonic_ns() < self._next_reserve_ns:
            return
        first, totals = self._numbers.first, self._ledger.totals()
        try:
            self._numbers.reserve(first + totals.verdicts, first + totals.triggers)
        except ProcessError as error:
            self._next_reserve_ns = monotonic_ns() + SECOND_NS  # a disk without room is not asked with every part
            self._outlet.announce("part_numbers_not_kept", "error", str(error))
        self._memory.write(Word.PART_MARK, self._numbers.mark)

    def _send_metrics(self) -> None:
        totals = self._ledger.epoch_totals()
        self._reporter.settle(self._reload.settings.recipe, self._reload.figures(), self._building.newest_s)
        state, _ = self._outlet.state()
        children = Children(self._cameras, self._inspect)
        is_ready, left_s = self._outlet.is_ready(), (self._outlet.bypass_left_s(), self._outlet.drill_left_s())
        self._outlet.metrics(self._reporter.snapshot(totals, state, is_ready, children, self._keeper, *left_s))

    def _obey_signals(self) -> None:
        if self._stops.requests == self._stops_obeyed:
            return
        self._stops_obeyed = self._stops.requests
        if self._stops.requests > 1:
            self._supervisor.force("a second stop signal came")
        else:
            log.info("stopping", detail="accepted parts are judged first; a second signal ends at once")
            self._supervisor.halt()
        self._attendance.stopping()

    def _finish(self) -> None:
        self._attendance.stopping()
        self._reporter.close()
        self._take_notes(most=sys.maxsize)  # nobody sends any more
        if self._keeper is not None:
            self._keeper.close(timeout_s=5.0)
        self._bypass.close(self._outlet, self._supervisor.exit_code)
        if self.failure:
            self._outlet.failed(self.failure)
        else:
            self._outlet.follow_state()
        self._send_metrics()
        totals = self._ledger.totals()
        log.info(
            "line_ended",
            triggers=totals.triggers,
            passes=totals.passes,
            rejects=totals.rejects,
            unknowns=totals.unknowns,
            in_flight=totals.in_flight,
        )
        if totals.in_flight == 0:
            self._numbers.close(self._numbers.first + totals.triggers)
        self._attendance.close()
        self._outlet.close()
