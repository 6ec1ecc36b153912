from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from fakes.child import FakeSpawner

from edge_inspector.run import watch
from edge_inspector.run.child import Child
from edge_inspector.run.watch import MAX_WAIT_NS, MIN_WAIT_NS, STEADY_NS, Ending, Watched

S = 1_000_000_000
STALL_S, START_S = 5.0, 60.0


class Clock:
    """A monotonic clock that only moves when told."""

    def __init__(self) -> None:
        self.now_ns = 1000 * S

    def __call__(self) -> int:
        return self.now_ns

    def move(self, ns: int) -> None:
        self.now_ns += ns


class Bench:
    """A watched fake child on a clock of its own."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.spawner = FakeSpawner()
        self.progress_ns = 0
        spawn = cast("Callable[[], Child]", self.spawner)
        self.watched = Watched("camera", spawn, lambda: self.progress_ns, STALL_S, START_S)

    def end_child(self, status: int = 1) -> Ending:
        self.spawner.newest.status = status
        ending = self.watched.tick()
        assert ending is not None
        return ending

    def waited_for_restart_ns(self) -> int:
        """Return how long it takes until a new child is started, to 10 ms."""
        n, began_ns = len(self.spawner.children), self.clock.now_ns
        while len(self.spawner.children) == n:
            self.watched.tick()
            self.clock.move(S // 100)
        return self.clock.now_ns - began_ns - S // 100


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    clock = Clock()
    monkeypatch.setattr(watch, "monotonic_ns", clock)
    return Bench(clock)


def test_the_first_tick_starts_the_child_and_later_ones_start_no_second(bench: Bench) -> None:
    for _ in range(3):
        assert bench.watched.tick() is None

    assert len(bench.spawner.children) == 1
    assert bench.watched.restarts == 0


def test_the_end_of_a_child_is_told_once_and_its_descriptor_is_closed(bench: Bench) -> None:
    bench.watched.tick()

    ending = bench.end_child(status=3)

    assert ending == Ending("camera", 3, was_hung=False)
    assert bench.spawner.newest.is_closed
    assert bench.watched.child is None
    assert bench.watched.tick() is None


def test_a_child_that_keeps_ending_waits_twice_as_long_each_time_up_to_the_limit(bench: Bench) -> None:
    waits_ns = []
    bench.watched.tick()
    for _ in range(7):
        bench.end_child()
        waits_ns.append(bench.waited_for_restart_ns())

    wanted = [MIN_WAIT_NS * 2**n for n in range(5)] + [MAX_WAIT_NS] * 2
    assert [abs(wait - want) <= S // 100 for wait, want in zip(waits_ns, wanted, strict=True)] == [True] * 7, waits_ns
    assert bench.watched.restarts == 7


def test_a_child_that_ran_steadily_is_replaced_at_once_and_the_wait_begins_anew(bench: Bench) -> None:
    bench.watched.tick()
    for _ in range(4):  # the wait has grown
        bench.end_child()
        bench.waited_for_restart_ns()
    bench.clock.move(STEADY_NS + 1)
    bench.progress_ns = bench.clock.now_ns

    bench.end_child()

    assert bench.waited_for_restart_ns() == 0
    bench.end_child()
    assert abs(bench.waited_for_restart_ns() - MIN_WAIT_NS) <= S // 100


def test_a_child_without_progress_is_killed_and_named_hung(bench: Bench) -> None:
    bench.watched.tick()
    bench.progress_ns = bench.clock.now_ns + 1
    bench.clock.move(round(STALL_S * S) + 1)
    assert bench.watched.tick() is None  # exactly at the limit
    bench.clock.move(1)

    ending = bench.watched.tick()

    assert ending == Ending("camera", -9, was_hung=True)
    assert str(ending) == "camera process hung and was killed"
    assert bench.spawner.newest.kills == 1


def test_a_child_that_no_signal_ends_holds_nobody_up_and_gets_no_successor_until_it_is_gone(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.watched.tick()
    stuck = bench.spawner.newest
    stuck.is_stuck = True
    bench.clock.move(round(START_S * S) + 1)

    endings = []
    for _ in range(50):
        endings.append(bench.watched.tick())
        bench.clock.move(S)

    assert endings == [None] * 50
    assert (stuck.kills, len(bench.spawner.children)) == (1, 1)
    assert [record.message for record in caplog.records] == ["process_cannot_be_killed"]
    stuck.status = -9  # the driver has let go
    assert bench.watched.tick() == Ending("camera", -9, was_hung=True)
    assert bench.waited_for_restart_ns() == 0
    assert bench.watched.child is not stuck


def test_a_shutdown_does_not_wait_for_a_child_that_no_signal_ends(bench: Bench) -> None:
    bench.watched.tick()
    bench.spawner.newest.is_stuck = True

    assert bench.watched.kill() == Ending("camera", -9, was_hung=False)
    assert bench.spawner.newest.is_closed


def test_progress_keeps_a_child_alive_for_ever(bench: Bench) -> None:
    bench.watched.tick()
    for _ in range(100):
        bench.clock.move(round(STALL_S * S) - 1)
        bench.progress_ns = bench.clock.now_ns
        assert bench.watched.tick() is None

    assert len(bench.spawner.children) == 1


def test_a_child_may_take_longer_for_its_first_progress(bench: Bench) -> None:
    bench.watched.tick()
    bench.clock.move(round(START_S * S))
    assert bench.watched.tick() is None
    bench.clock.move(1)

    ending = bench.watched.tick()

    assert ending is not None
    assert ending.was_hung


def test_the_progress_of_a_predecessor_gives_its_successor_the_whole_start_time(bench: Bench) -> None:
    bench.watched.tick()
    bench.progress_ns = bench.clock.now_ns + 1
    bench.clock.move(S)
    bench.end_child()
    bench.waited_for_restart_ns()

    bench.clock.move(round(START_S * S) - S)

    assert bench.watched.tick() is None
    assert len(bench.spawner.children) == 2


def test_a_child_that_is_not_wanted_any_more_is_not_replaced_nor_counted(bench: Bench) -> None:
    bench.watched.tick()
    bench.watched.is_wanted = False

    bench.end_child(status=0)
    bench.clock.move(100 * S)

    assert bench.watched.tick() is None
    assert (len(bench.spawner.children), bench.watched.restarts) == (1, 0)


def test_a_killed_child_stays_dead_and_a_second_kill_does_nothing(bench: Bench) -> None:
    bench.watched.tick()

    ending = bench.watched.kill()
    bench.clock.move(100 * S)

    assert ending == Ending("camera", -9, was_hung=False)
    assert bench.watched.tick() is None
    assert bench.watched.kill() is None
    assert len(bench.spawner.children) == 1


def test_a_child_that_cannot_be_started_just_now_is_tried_again_with_the_same_waits(bench: Bench) -> None:
    bench.spawner.refusals = 3
    bench.watched.tick()
    assert bench.spawner.refusals == 2

    waited_ns = bench.waited_for_restart_ns()

    assert abs(waited_ns - MIN_WAIT_NS * (1 + 2 + 4)) <= 3 * S // 100
    assert len(bench.spawner.children) == 1
    assert bench.watched.tick() is None
    assert bench.watched.restarts == 0


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (Ending("inspect", -9, False), "inspect process was killed by signal 9"),
        (Ending("inspect", 70, False), "inspect process ended with status 70"),
        (Ending("inspect", -9, True), "inspect process hung and was killed"),
    ],
)
def test_an_ending_says_in_words_how_it_came(ending: Ending, words: str) -> None:
    assert str(ending) == words


def test_a_child_that_is_to_be_replaced_is_killed_by_the_next_tick_and_told_why(bench: Bench) -> None:
    bench.watched.tick()
    bench.clock.move(STEADY_NS + S)
    bench.progress_ns = bench.clock.now_ns

    bench.watched.replace("it takes too much")
    ending = bench.watched.tick()

    assert str(ending) == "camera process was replaced: it takes too much"
    assert bench.waited_for_restart_ns() == 0
    assert bench.watched.restarts == 1


def test_the_child_after_a_replaced_one_stays(bench: Bench) -> None:
    bench.watched.tick()
    bench.watched.replace("it takes too much")
    bench.watched.tick()
    bench.waited_for_restart_ns()
    bench.progress_ns = bench.clock.now_ns

    assert bench.watched.tick() is None
    assert bench.watched.child is not None


def test_where_no_child_runs_none_is_replaced(bench: Bench) -> None:
    bench.watched.replace("it takes too much")
    bench.watched.tick()

    assert bench.watched.tick() is None
