"""A process that compiles an engine gets the time that it needs, and only then; everybody hears what it does."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest
from app_samples import settings_of, values
from fakes.child import FakeSpawner
from fakes.line_memory import make_memory

from edge_inspector.app import attendance as attendance_module
from edge_inspector.app import building as building_module
from edge_inspector.app.attendance import Attendance
from edge_inspector.app.building import Building
from edge_inspector.app.outlet import Outlet
from edge_inspector.app.patience import BUILD_S
from edge_inspector.core.verdict import LineState
from edge_inspector.observe.notify import Notifier
from edge_inspector.run import watch
from edge_inspector.run.child import Child
from edge_inspector.run.memory import Word
from edge_inspector.run.watch import Watched

S = 1_000_000_000
USUAL_S, STALL_S = 120.0, 5.0
BEGAN = {"kind": "build", "what": "steel@2.0.0", "why": "there is none yet", "former_s": None, "took_s": None}


class Clock:
    """A monotonic clock that only moves when told."""

    def __init__(self) -> None:
        self.now_ns = 1000 * S

    def __call__(self) -> int:
        return self.now_ns


class Desk:
    """Main with a fake inspect process, a service manager that listens, and a clock."""

    def __init__(self, folder: Path, stack: ExitStack, clock: Clock) -> None:
        self.clock, self.memory, self.spawner = clock, make_memory(), FakeSpawner()
        self._manager = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
        self._manager.bind(str(folder / "notify"))
        names = ("signals", "telemetry", "service")
        endpoints = {name: f"ipc://{folder}/{name}" for name in names}
        self.outlet = Outlet(settings_of(values() | {"endpoints": endpoints, "metrics": {"port": None}}), self.memory)
        self.outlet.start()
        stack.callback(self.outlet.close)
        spawn = cast("Callable[[], Child]", self.spawner)
        self.inspect = Watched("inspect", spawn, lambda: self.memory.read(Word.INSPECT_PROGRESS_NS), STALL_S, USUAL_S)
        notifier = Notifier({"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "1"})
        self.attendance = Attendance(notifier, self.memory, self.outlet, STALL_S, USUAL_S)
        self.building = Building(USUAL_S, self.inspect, self.attendance, self.outlet)
        self.turn()

    def turn(self, after_s: float = 0.0) -> list[str]:
        """Let time pass and main's loop turn once; returns what the service manager heard."""
        self.clock.now_ns += round(after_s * S)
        self.inspect.tick()
        self.building.settle()
        self.attendance.turn(self.inspect.since_ns)
        said = []
        while True:
            try:
                said.append(self._manager.recv(1000).decode())
            except BlockingIOError:
                return said

    @property
    def kills(self) -> int:
        return sum(child.kills for child in self.spawner.children)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    clock = Clock()
    for module in (watch, attendance_module, building_module):
        monkeypatch.setattr(module, "monotonic_ns", clock)
    with ExitStack() as stack:
        yield Desk(tmp_path, stack, clock)


def test_a_process_that_compiles_is_not_taken_for_hung_and_the_watchdog_is_fed(desk: Desk) -> None:
    desk.building.note(BEGAN)

    words = [word for _ in range(10) for word in desk.turn(after_s=100.0)]

    assert desk.kills == 0
    assert words.count("WATCHDOG=1") == 10


def test_one_that_does_not_compile_has_the_usual_time_only(desk: Desk) -> None:
    desk.turn(after_s=USUAL_S + 1)

    assert desk.kills == 1


def test_a_build_that_takes_far_too_long_is_ended(desk: Desk) -> None:
    desk.building.note(BEGAN)
    while not desk.kills and desk.clock.now_ns < 10_000 * S:
        desk.turn(after_s=10.0)

    assert desk.kills == 1
    assert desk.clock.now_ns - 1000 * S > BUILD_S * S
    assert "WATCHDOG=1" not in desk.turn(after_s=USUAL_S)


def test_the_usual_time_begins_again_where_the_build_ends(desk: Desk) -> None:
    desk.building.note(BEGAN)
    for _ in range(6):
        desk.turn(after_s=100.0)
    desk.building.note(BEGAN | {"took_s": 600.0})
    desk.turn()

    desk.turn(after_s=USUAL_S - 1)
    assert desk.kills == 0
    desk.turn(after_s=2.0)
    assert desk.kills == 1


def test_what_is_going_on_is_said_with_the_time_so_far(desk: Desk) -> None:
    desk.building.note(BEGAN)

    [status] = [word for word in desk.turn(after_s=95.0) if word.startswith("STATUS=")]

    assert "not ready" in status
    assert "building the TensorRT engine of steel@2.0.0, 95 s so far, the first time here" in status
    assert desk.building.newest_s == 95.0
    assert desk.outlet.state()[0] is LineState.PREOPERATIONAL


def test_how_long_it_took_the_last_time_is_said(desk: Desk) -> None:
    desk.building.note(BEGAN | {"former_s": 240.0})

    desk.turn(after_s=10.0)

    assert desk.building.sentence().endswith("10 s so far, 240 s the last time")


def test_when_it_has_ended_nothing_more_is_said_and_the_metric_keeps_how_long_it_took(desk: Desk) -> None:
    desk.building.note(BEGAN)
    desk.turn(after_s=95.0)
    desk.building.note(BEGAN | {"took_s": 96.5})

    desk.turn(after_s=1.0)

    assert desk.building.sentence() == ""
    assert desk.outlet.doing == ""
    assert desk.building.newest_s == 96.5


def test_a_process_that_is_at_work_compiles_nothing_whatever_it_said(desk: Desk) -> None:
    desk.building.note(BEGAN)  # it failed, and never said that it ended
    desk.turn(after_s=95.0)
    desk.memory.write(Word.INSPECT_PROGRESS_NS, desk.clock.now_ns)

    desk.turn()

    assert desk.outlet.doing == ""
    desk.turn(after_s=STALL_S + 1)
    assert desk.kills == 1


def test_a_fresh_process_does_not_inherit_the_time_of_the_one_before(desk: Desk) -> None:
    desk.building.note(BEGAN)
    for _ in range(6):
        desk.turn(after_s=100.0)
    desk.spawner.newest.status = 1
    desk.turn()
    desk.turn(after_s=10.0)
    first, second = desk.spawner.children
    desk.turn()
    assert desk.outlet.doing == ""

    desk.turn(after_s=USUAL_S + 1)

    assert (first.status, second.status) == (1, -9)
