from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edge_inspector.run.worker import Worker, all_at_once

WAIT_S = 10.0


class Desk:
    """A step that takes work from a queue, and can be held inside one step."""

    def __init__(self) -> None:
        self.work: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.done: list[int] = []
        self.is_inside = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.all_threads: set[int] = set()

    def step(self) -> bool:
        self.all_threads.add(threading.get_ident())
        try:
            item = self.work.get(timeout=0.01)
        except queue.Empty:
            item = None
        self.is_inside.set()
        assert self.may_go_on.wait(WAIT_S)
        if item is not None:
            self.done.append(item)
        return item is not None


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.may_go_on.set()


def test_steps_run_in_one_thread_of_their_own_until_stopped(desk: Desk) -> None:
    worker = Worker("desk", desk.step)
    worker.start()
    desk.work.put(1)
    assert desk.is_inside.wait(WAIT_S)

    assert worker.stop(WAIT_S)

    assert len(desk.all_threads) == 1
    assert threading.get_ident() not in desk.all_threads
    assert worker.error is None


def test_a_worker_that_drains_does_all_that_was_there_before_the_stop(desk: Desk) -> None:
    desk.may_go_on.clear()
    worker = Worker("desk", desk.step, drains=True)
    worker.start()
    for number in range(50):
        desk.work.put(number)
    assert desk.is_inside.wait(WAIT_S)
    assert not worker.stop(timeout_s=0.0)
    desk.may_go_on.set()

    assert worker.stop(WAIT_S)

    assert desk.done == list(range(50))


def test_work_that_comes_just_as_an_idle_step_ends_is_still_drained(desk: Desk) -> None:
    desk.may_go_on.clear()
    worker = Worker("desk", desk.step, drains=True)
    worker.start()
    assert desk.is_inside.wait(WAIT_S)  # it has seen an empty queue and is about to say so
    desk.work.put(7)
    assert not worker.stop(timeout_s=0.0)
    desk.may_go_on.set()

    assert worker.stop(WAIT_S)

    assert desk.done == [7]


def test_a_worker_that_does_not_drain_leaves_what_waits(desk: Desk) -> None:
    desk.may_go_on.clear()
    worker = Worker("desk", desk.step)
    worker.start()
    for number in range(50):
        desk.work.put(number)
    assert desk.is_inside.wait(WAIT_S)
    worker.stop(timeout_s=0.0)
    desk.may_go_on.set()

    assert worker.stop(WAIT_S)

    assert len(desk.done) <= 1


def test_a_stop_that_takes_too_long_says_so_and_may_be_asked_again(desk: Desk) -> None:
    desk.may_go_on.clear()
    worker = Worker("desk", desk.step)
    worker.start()
    assert desk.is_inside.wait(WAIT_S)

    assert not worker.stop(timeout_s=0.01)
    desk.may_go_on.set()
    assert worker.stop(WAIT_S)


@pytest.mark.fault(
    22,
    injected="a thread raises",
    seen="its error is kept, logged, and seen by whoever watches",
    noticed="with the call",
)
def test_what_kills_a_worker_is_kept_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> bool:
        raise RuntimeError("the step fails as the test says")

    worker = Worker("desk", fail)
    with caplog.at_level(logging.ERROR):
        worker.start()
        assert worker.stop(WAIT_S)

    assert isinstance(worker.error, RuntimeError)
    assert [record.getMessage() for record in caplog.records] == ["worker_died"]
    assert caplog.records[0].exc_info is not None


def test_what_a_worker_owns_is_opened_and_closed_in_its_thread_also_when_it_dies() -> None:
    seen: list[tuple[str, int]] = []

    @contextmanager
    def owned() -> Iterator[None]:
        seen.append(("open", threading.get_ident()))
        try:
            yield
        finally:
            seen.append(("close", threading.get_ident()))

    def fail() -> bool:
        seen.append(("step", threading.get_ident()))
        raise ValueError("the step fails as the test says")

    worker = Worker("desk", fail, owned())
    worker.start()
    assert worker.stop(WAIT_S)

    assert [what for what, _ in seen] == ["open", "step", "close"]
    assert len({thread for _, thread in seen}) == 1
    assert threading.get_ident() not in {thread for _, thread in seen}


def test_a_worker_that_was_never_started_stops_at_once() -> None:
    assert Worker("desk", lambda: False).stop(timeout_s=0.0)


def test_calls_made_all_at_once_run_side_by_side_and_the_first_error_is_raised() -> None:
    meeting = threading.Barrier(3, timeout=WAIT_S)  # passes only when all three are there together

    def fail() -> None:
        meeting.wait()
        raise ValueError("one of them failed")

    with pytest.raises(ValueError, match="one of them failed"):
        all_at_once([lambda: meeting.wait() and None, fail, lambda: meeting.wait() and None])

    assert not meeting.broken
