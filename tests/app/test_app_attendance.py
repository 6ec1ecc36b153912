"""What the service manager is told, by what the line is doing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from app_samples import settings_of, values
from fakes.line_memory import make_memory

from edge_inspector.app.attendance import Attendance
from edge_inspector.app.outlet import Outlet
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.verdict import LineState
from edge_inspector.observe.notify import Notifier
from edge_inspector.run.memory import Word

STALL_S, START_S = 5.0, 60.0
_S = 1_000_000_000


class Desk:
    """An attendance, the memory it reads, and what the manager heard."""

    def __init__(self, folder: Path, stack: ExitStack, watchdog_us: str = "1") -> None:
        self.memory = make_memory()
        self._manager = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
        self._manager.bind(str(folder / "notify"))
        names = ("signals", "telemetry", "service")
        given = values() | {
            "endpoints": {name: f"ipc://{folder}/{name}" for name in names},
            "metrics": {"port": None},
        }
        outlet = Outlet(settings_of(given), self.memory)
        outlet.start()
        stack.callback(outlet.close)
        notifier = Notifier({"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": watchdog_us})
        self.attendance = Attendance(notifier, self.memory, outlet, STALL_S, START_S)
        self.began_ns = monotonic_ns()

    def progress(self, age_s: float) -> None:
        self.memory.write(Word.INSPECT_PROGRESS_NS, monotonic_ns() - round(age_s * _S))

    def begin(self, age_s: float) -> None:
        """Let the whole line have begun so long ago."""
        self.attendance._began_ns = monotonic_ns() - round(age_s * _S)

    def turn(self, at_work_for_s: float | None = 1.0) -> list[str]:
        """Let main's loop turn once; return what was said."""
        since_ns = None if at_work_for_s is None else monotonic_ns() - round(at_work_for_s * _S)
        self.attendance.turn(since_ns)
        return self.heard()

    def heard(self) -> list[str]:
        said = []
        while True:
            try:
                said.append(self._manager.recv(1000).decode())
            except BlockingIOError:
                return said


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(tmp_path, stack)


def test_ready_is_said_once_and_not_before_clients_can_connect_to_the_verdicts(desk: Desk) -> None:
    before = desk.turn()
    desk.memory.write(Word.SIGNALS_BOUND, 1)
    after = desk.turn() + desk.turn()

    assert "READY=1" not in before
    assert after.count("READY=1") == 1


@pytest.mark.parametrize(
    ("progress_s", "at_work_s", "begun_s", "is_fed"),
    [
        (0.1, 100, 1000, True),
        (4.0, 100, 1000, True),
        (6.0, 100, 1000, False),  # at work and silent: nobody replaces it
        (6.0, None, 1000, True),  # it was killed, a new one comes
        (6.0, 5, 1000, True),  # the new one starts
        (59.0, 1, 1000, True),
        (61.0, 1, 1000, False),  # one after the other starts and none comes to work
        (61.0, None, 1000, False),
        (None, 30, 30, True),  # the first one still starts
        (None, 61, 61, False),
    ],
)
def test_the_watchdog_is_fed_while_the_inspect_process_goes_on_or_has_time_to_start(
    desk: Desk, progress_s: float | None, at_work_s: float | None, begun_s: float, is_fed: bool
) -> None:
    desk.begin(begun_s)
    if progress_s is not None:
        desk.progress(progress_s)

    assert ("WATCHDOG=1" in desk.turn(at_work_s)) is is_fed


def test_the_watchdog_is_fed_twice_in_its_time_and_not_with_each_turn(tmp_path: Path) -> None:
    with ExitStack() as stack:
        desk = Desk(tmp_path, stack, watchdog_us="60000000")
        desk.progress(0.0)

        said = [word for _ in range(50) for word in desk.turn()]

    assert said.count("WATCHDOG=1") == 1


def test_operators_read_why_the_line_is_not_ready_and_what_it_has_done(desk: Desk) -> None:
    assert desk.turn()[-1] == "STATUS=not ready: Preoperational, starting; 0 parts, 0 rejects, 0 not judged"


def test_operators_read_that_it_is_ready(desk: Desk) -> None:
    desk.memory.write(Word.HEARTBEAT_NS, monotonic_ns())
    desk.memory.write(Word.STATE, LineState.READY)
    desk.memory.write(Word.READY, 1)

    assert desk.turn()[-1] == "STATUS=ready; 0 parts, 0 rejects, 0 not judged"


def test_a_status_that_has_not_changed_is_not_said_again(desk: Desk) -> None:
    first = desk.turn()
    desk.attendance._next_status_ns = 0

    assert [word for word in first if word.startswith("STATUS")] != []
    assert [word for word in desk.turn() if word.startswith("STATUS")] == []


def test_the_end_is_said_once(desk: Desk) -> None:
    desk.turn()

    desk.attendance.stopping()
    desk.attendance.close()

    assert desk.heard().count("STOPPING=1") == 1
