from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from fakes.child import FakeSpawner
from fakes.line_memory import enter_next, frame_arrival, make_memory, make_wake_fd

from edge_inspector.core.frame import ArrivalKind
from edge_inspector.core.verdict import LineState
from edge_inspector.run import supervise
from edge_inspector.run.child import Child
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraStatus, CameraWord, LineMemory, Word
from edge_inspector.run.ring import KIND, RingWriter
from edge_inspector.run.supervise import CLOSE_S, DISARM_S, JUDGE_S, Supervisor
from edge_inspector.run.watch import Watched

S = 1_000_000_000
NEVER_NS = 2**62
FIRST_PART = 101


class Events:
    """Remembers what was announced."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str, dict[str, object] | None]] = []

    def __call__(self, name: str, severity: str, detail: str, extra: dict[str, object] | None = None) -> None:
        self.said.append((name, severity, detail, extra))

    @property
    def names(self) -> list[str]:
        return [name for name, *_ in self.said]


class Bench:
    """A supervisor over two fake children; its clock stands still until moved."""

    def __init__(self, memory: LineMemory, wake_fd: int) -> None:
        self.now_ns = 1000 * S
        self.memory, self.wake_fd = memory, wake_fd
        memory.write(Word.FIRST_PART, FIRST_PART)
        self.writer, self.ledger = RingWriter(memory.cameras[0], wake_fd), Ledger(memory)
        self.camera, self.inspect = FakeSpawner(), FakeSpawner()
        self.watched = camera, inspect = self._watch("camera", self.camera), self._watch("inspect", self.inspect)
        self.events = Events()
        self.supervisor = Supervisor(memory, wake_fd, [camera], inspect, self.events)
        self.supervisor.tick()
        memory.cameras[0].write(CameraWord.STATUS, CameraStatus.ARMED)

    def _watch(self, name: str, spawner: FakeSpawner) -> Watched:
        # Progress is always now: hanging is the business of `watch`.
        return Watched(name, cast("Callable[[], Child]", spawner), lambda: 2**62, 5.0, 60.0)

    def accept(self, n: int) -> None:
        for number in range(n):
            self.writer.accept(frame_arrival(number))

    def judge(self, n: int) -> None:
        for _ in range(n):
            enter_next(self.memory)

    def end_camera(self, status: int) -> None:
        self.camera.newest.status = status
        self.supervisor.tick()

    def end_inspect(self, status: int) -> None:
        self.inspect.newest.status = status
        self.supervisor.tick()

    def newest_kinds(self, n: int) -> list[ArrivalKind]:
        head = self.memory.cameras[0].read(CameraWord.HEAD)
        return [ArrivalKind(int(self.memory.cameras[0].records[i % 8][KIND])) for i in range(head - n, head)]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    wake_fd = make_wake_fd()
    bench = Bench(make_memory(), wake_fd)
    monkeypatch.setattr(supervise, "monotonic_ns", lambda: bench.now_ns)
    yield bench
    os.close(wake_fd)


def test_both_children_run_and_nothing_is_said_while_all_is_well(bench: Bench) -> None:
    bench.supervisor.tick()

    assert (len(bench.camera.children), len(bench.inspect.children)) == (1, 1)
    assert bench.events.said == []
    assert (bench.supervisor.is_halting, bench.supervisor.is_over) == (False, False)


def test_a_source_that_has_played_all_begins_a_shutdown_that_judges_everything(bench: Bench) -> None:
    bench.memory.cameras[0].write(CameraWord.STATUS, CameraStatus.ENDED)

    bench.end_camera(status=0)

    assert bench.supervisor.is_halting
    assert bench.memory.read(Word.HALT_NS) == NEVER_NS
    assert bench.memory.cameras[0].read(CameraWord.STATUS) == CameraStatus.ENDED
    assert bench.events.names == []
    bench.now_ns += 10**6 * S  # there is no limit
    bench.supervisor.tick()
    assert not bench.supervisor.is_over


def test_parts_that_a_killed_camera_process_had_in_hand_are_in_the_ring_at_once(bench: Bench) -> None:
    bench.accept(2)
    bench.memory.cameras[0].control[CameraWord.TRIGGERS] += 1  # counted, killed before it was published

    bench.end_camera(status=-9)

    assert bench.memory.cameras[0].read(CameraWord.HEAD) == bench.memory.cameras[0].read(CameraWord.TRIGGERS) == 3
    assert bench.newest_kinds(1) == [ArrivalKind.CAMERA_LOST]
    assert bench.memory.cameras[0].read(CameraWord.STATUS) == CameraStatus.DOWN
    name, severity, detail, _ = bench.events.said[0]
    assert (name, severity) == ("camera_process_lost", "error")
    assert "signal 9" in detail
    assert not bench.supervisor.is_halting


def test_a_camera_process_that_told_what_is_wrong_is_not_announced_a_second_time(bench: Bench) -> None:
    bench.end_camera(status=69)

    assert bench.events.said == []
    assert bench.memory.cameras[0].read(CameraWord.STATUS) == CameraStatus.DOWN
    assert bench.watched[0].is_wanted


def test_a_killed_inspect_process_makes_the_line_not_ready_and_is_started_again(bench: Bench) -> None:
    bench.memory.write(Word.READY, 1)
    bench.memory.write(Word.STATE, LineState.CONTINUOUS_EXECUTION)
    bench.accept(3)
    bench.judge(1)

    bench.end_inspect(status=-9)

    assert bench.memory.read(Word.READY) == 0
    assert bench.memory.read(Word.STATE) == LineState.PREOPERATIONAL
    name, severity, detail, _ = bench.events.said[0]
    assert (name, severity) == ("inspect_process_lost", "error")
    assert "2 accepted parts become UNKNOWN process_lost" in detail
    assert bench.watched[1].is_wanted
    assert not bench.supervisor.is_halting


def test_a_stop_request_disarms_the_camera_first_and_gives_the_judging_its_time(bench: Bench) -> None:
    bench.supervisor.halt()

    assert bench.memory.read(Word.STOP_CAMERA) == 1
    assert bench.memory.read(Word.HALT_NS) == bench.now_ns + round(JUDGE_S * S)
    assert bench.memory.read(Word.CAMERA_GONE) == 0
    assert bench.inspect.newest.kills == 0


def test_a_second_stop_request_does_not_move_the_limit(bench: Bench) -> None:
    bench.supervisor.halt()
    limit_ns = bench.memory.read(Word.HALT_NS)
    bench.now_ns += S

    bench.supervisor.halt(judge_s=None)

    assert bench.memory.read(Word.HALT_NS) == limit_ns


def test_a_stop_request_bounds_a_shutdown_that_had_no_limit(bench: Bench) -> None:
    bench.memory.cameras[0].write(CameraWord.STATUS, CameraStatus.ENDED)
    bench.end_camera(status=0)

    bench.supervisor.halt()

    assert bench.memory.read(Word.HALT_NS) == bench.now_ns + round(JUDGE_S * S)
    bench.now_ns += round((JUDGE_S + CLOSE_S) * S) + 1
    bench.supervisor.tick()
    assert bench.supervisor.is_over


def test_triggers_that_found_the_ring_full_get_their_verdict_in_a_shutdown_too(bench: Bench) -> None:
    bench.accept(20)  # the ring has 8 records
    bench.supervisor.halt()

    bench.end_camera(status=0)
    told = [bench.memory.read(Word.CAMERA_GONE)]
    for _ in range(3):
        bench.judge(bench.memory.cameras[0].read(CameraWord.HEAD) - bench.ledger.seq)
        bench.supervisor.tick()
        told.append(bench.memory.read(Word.CAMERA_GONE))

    assert told == [0, 0, 1, 1]
    assert bench.memory.cameras[0].read(CameraWord.HEAD) == 20


def test_the_inspect_process_is_told_that_the_camera_has_gone_and_woken(bench: Bench) -> None:
    bench.supervisor.halt()
    with pytest.raises(BlockingIOError):
        os.eventfd_read(bench.wake_fd)

    bench.end_camera(status=0)

    assert bench.memory.read(Word.CAMERA_GONE) == 1
    assert os.eventfd_read(bench.wake_fd) == 1
    assert not bench.supervisor.is_over


def test_the_line_is_over_when_the_inspect_process_has_drained(bench: Bench) -> None:
    bench.supervisor.halt()
    bench.end_camera(status=0)

    bench.end_inspect(status=0)

    assert bench.supervisor.is_over
    assert (bench.supervisor.exit_code, bench.supervisor.failure) == (0, "")
    assert bench.events.said == []
    assert not bench.watched[1].is_wanted


def test_an_inspect_process_that_dies_while_it_drains_is_replaced_and_drains_on(bench: Bench) -> None:
    bench.supervisor.halt()
    bench.end_camera(status=0)

    bench.end_inspect(status=-11)

    assert not bench.supervisor.is_over
    assert bench.watched[1].is_wanted
    assert bench.events.names == ["inspect_process_lost"]


def test_an_inspect_process_that_ends_well_before_the_camera_is_no_end(bench: Bench) -> None:
    bench.supervisor.halt()

    bench.end_inspect(status=0)

    assert not bench.supervisor.is_over
    assert bench.watched[1].is_wanted


def test_a_camera_that_does_not_let_go_is_killed_after_the_limit_and_settled(bench: Bench) -> None:
    bench.memory.cameras[0].control[CameraWord.TRIGGERS] += 1
    bench.supervisor.halt()
    bench.now_ns += round(DISARM_S * S)
    bench.supervisor.tick()
    assert bench.camera.newest.kills == 0  # exactly at the limit

    bench.now_ns += 1
    bench.supervisor.tick()

    assert bench.camera.newest.kills >= 1
    assert bench.newest_kinds(1) == [ArrivalKind.CAMERA_LOST]
    assert bench.events.names == ["camera_killed"]
    assert bench.memory.read(Word.CAMERA_GONE) == 1


def test_a_camera_killed_during_a_shutdown_is_neither_announced_nor_replaced(bench: Bench) -> None:
    bench.supervisor.halt()

    bench.end_camera(status=-9)

    assert bench.events.names == []
    assert len(bench.camera.children) == 1


def test_a_drain_without_end_is_ended_by_force_after_its_limit(bench: Bench) -> None:
    bench.accept(3)
    bench.judge(1)
    bench.supervisor.halt()
    bench.end_camera(status=0)
    bench.now_ns += round((JUDGE_S + CLOSE_S) * S) + 1

    bench.supervisor.tick()

    assert bench.supervisor.is_over
    assert bench.inspect.newest.kills >= 1
    assert bench.supervisor.exit_code == 70
    assert "did not finish in time" in bench.supervisor.failure
    name, severity, detail, extra = bench.events.said[-1]
    assert (name, severity, extra) == ("parts_lost", "error", {"range": [FIRST_PART + 1, FIRST_PART + 2]})
    assert detail.startswith("2 parts")


def test_force_counts_what_only_the_camera_process_had_seen(bench: Bench) -> None:
    bench.memory.cameras[0].control[CameraWord.TRIGGERS] += 1

    bench.supervisor.force("a second stop signal came")

    assert bench.events.said == [
        (
            "parts_lost",
            "error",
            "1 parts have no verdict: a second stop signal came",
            {"range": [FIRST_PART, FIRST_PART]},
        )
    ]


def test_force_with_nothing_in_flight_announces_no_loss(bench: Bench) -> None:
    bench.accept(2)
    bench.judge(2)

    bench.supervisor.force("a second stop signal came")

    assert bench.events.said == []
    assert (bench.supervisor.is_over, bench.supervisor.exit_code) == (True, 70)


def test_end_kills_both_and_keeps_code_and_reason(bench: Bench) -> None:
    bench.supervisor.end(66, "the bundle is damaged")

    assert bench.supervisor.is_over
    assert (bench.supervisor.exit_code, bench.supervisor.failure) == (66, "the bundle is damaged")
    assert [bench.camera.newest.kills, bench.inspect.newest.kills] == [1, 1]
    bench.supervisor.tick()
    assert (len(bench.camera.children), len(bench.inspect.children)) == (1, 1)


def test_a_respawn_that_waits_while_a_stop_comes_is_not_done(bench: Bench) -> None:
    bench.end_camera(status=69)
    bench.supervisor.halt()

    bench.supervisor.tick()

    assert len(bench.camera.children) == 1
    assert bench.memory.read(Word.CAMERA_GONE) == 1
