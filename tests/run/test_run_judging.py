"""Parts in, judgements out in their order: one after the other, or side by side."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest
from fakes.inspect_bench import decide, judge_of
from fakes.inspect_parts import FakeEngine, part_of_one
from fakes.line_memory import make_wake_fd

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import U8, ArrivalKind, Index
from edge_inspector.core.ports import Progress
from edge_inspector.core.verdict import Outcome, Reason, TileResults
from edge_inspector.run.judge import Eye, Judge, Judged, not_judged, unknown
from edge_inspector.run.judging import Done, InTurn, Judging, SideBySide
from edge_inspector.run.part import Part

MakeJudging = Callable[..., Judging]
WAIT_S = 10.0


def part(number: int, score: int = 10, kind: ArrivalKind = ArrivalKind.FRAME) -> Part:
    pixels = np.full((2, 2, 1), score, np.uint8) if kind is ArrivalKind.FRAME else None
    return part_of_one(number, pixels, kind)


def progress() -> None: ...


class Gated(FakeEngine):
    """Judges a picture of 99 only when it is let through."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun, self.may_end = threading.Event(), threading.Event()

    def run(self, frame: U8, progress: Progress, tiles: Index | None = None, heat_from: float = 0.0) -> TileResults:
        if frame.flat[0] == 99:
            self.has_begun.set()
            assert self.may_end.wait(WAIT_S)
        return super().run(frame, progress, tiles)


def taken(judging: Judging, n: int) -> list[Done]:
    """Return the next `n` parts, as soon as they may be taken."""
    found: list[Done] = []
    until_ns = monotonic_ns() + round(WAIT_S * 1e9)
    while len(found) < n:
        done = judging.take()
        if done is not None:
            found.append(done)
        assert monotonic_ns() < until_ns, f"{len(found)} of {n} parts were judged"
    return found


@pytest.fixture
def wake_fd() -> Iterator[int]:
    wake_fd = make_wake_fd()
    yield wake_fd
    os.close(wake_fd)


@pytest.fixture
def side_by_side(wake_fd: int) -> Iterator[Callable[..., SideBySide]]:
    with ExitStack() as stack:

        def make(*engines: FakeEngine, deadline_ns: int | None = None, halt_ns: int = 0) -> SideBySide:
            judges = [judge_of(engine, deadline_ns) for engine in engines]
            judging = SideBySide(judges, wake_fd, lambda: halt_ns)
            judging.start()
            stack.callback(judging.close)
            return judging

        yield make


@pytest.fixture(params=["in turn", "two side by side", "five side by side"])
def make_judging(request: pytest.FixtureRequest, side_by_side: Callable[..., SideBySide]) -> MakeJudging:
    def make(make_engine: Callable[[], FakeEngine] = FakeEngine, halt_ns: int = 0) -> Judging:
        if request.param == "in turn":
            return InTurn(judge_of(make_engine()), lambda: halt_ns)
        n = 2 if request.param.startswith("two") else 5
        return side_by_side(*(make_engine() for _ in range(n)), halt_ns=halt_ns)

    return make


def test_every_part_comes_out_once_in_order_with_its_own_judgement(make_judging: MakeJudging) -> None:
    judging = make_judging()
    numbers, found = list(range(1, 401)), []

    waiting = list(numbers)
    while len(found) < len(numbers):
        while waiting and judging.has_room():
            number = waiting.pop(0)
            judging.accept(part(number, score=200 if number % 3 == 0 else number % 100), progress)
        found += taken(judging, 1)

    assert [done.part.part_id for done in found] == numbers
    rejected = [done.part.part_id for done in found if done.judged.judgement.outcome is Outcome.REJECT]
    assert rejected == [number for number in numbers if number % 3 == 0]
    assert judging.in_hand == 0
    assert judging.take() is None


def test_what_the_model_said_stays_with_its_part(make_judging: MakeJudging) -> None:
    judging, found = make_judging(), []

    for number in range(1, 31):
        judging.accept(part(number, score=number), progress)
        [done] = taken(judging, 1)
        [seen] = done.judged.views
        assert seen.results is not None
        found.append(float(seen.results.scores[0, 1]))

    assert found == pytest.approx([number / 255 for number in range(1, 31)])


def test_a_part_without_a_picture_and_one_whose_judgement_is_known_keep_their_place(make_judging: MakeJudging) -> None:
    judging, reasons = make_judging(), []

    for number in range(1, 4):
        if number == 2:
            judging.hold(part(number), not_judged(part(number), Reason.PROCESS_LOST))
        else:
            judging.accept(part(number, kind=ArrivalKind.LOST), progress)
        reasons += [done.judged.judgement.reason for done in taken(judging, 1)]

    assert reasons == [Reason.FRAME_LOST, Reason.PROCESS_LOST, Reason.FRAME_LOST]


def test_after_the_halt_nothing_is_judged_any_more(make_judging: MakeJudging) -> None:
    judging = make_judging(halt_ns=1)

    judging.accept(part(1), progress)

    assert taken(judging, 1)[0].judged.judgement == unknown(Reason.SHUTDOWN)


def test_a_model_that_fails_and_cannot_prove_itself_is_named_and_its_part_is_unknown(
    make_judging: MakeJudging,
) -> None:
    judging = make_judging(lambda: FakeEngine(errors=1, can_verify=False))
    assert judging.failure is None

    judging.accept(part(1), progress)

    assert taken(judging, 1)[0].judged.judgement == unknown(Reason.MODEL_ERROR)
    assert "cannot prove itself" in str(judging.failure)


def test_a_part_that_is_judged_sooner_waits_for_the_one_before_it(side_by_side: Callable[..., SideBySide]) -> None:
    slow = Gated()
    judging = side_by_side(slow, slow)
    judging.accept(part(1, score=99), progress)
    judging.accept(part(2), progress)
    assert slow.has_begun.wait(WAIT_S)
    wait_until(lambda: slow.runs == 1)  # part 2 is judged

    early = judging.take()
    slow.may_end.set()

    assert early is None
    assert [done.part.part_id for done in taken(judging, 2)] == [1, 2]


def test_at_its_deadline_a_part_is_given_out_unread_and_holds_its_slot_until_it_is_read(
    side_by_side: Callable[..., SideBySide],
) -> None:
    slow = Gated()
    judging = side_by_side(slow, slow, deadline_ns=50_000_000)
    judging.accept(part(1, score=99), progress)
    assert slow.has_begun.wait(WAIT_S)
    assert judging.due_ns is not None

    [late] = taken(judging, 1)
    held = judging.let_go()
    slow.may_end.set()
    wait_until(lambda: slow.runs == 1)

    assert (late.part.part_id, late.is_read) == (1, False)
    assert late.judged.judgement == unknown(Reason.DEADLINE)
    assert held == []
    assert [freed.part_id for freed in wait_until(judging.let_go)] == [1]
    assert judging.let_go() == []


def test_a_worker_that_ends_while_it_is_asked_for_its_part_is_not_forgotten(
    side_by_side: Callable[..., SideBySide],
) -> None:
    class EndsWhenLookedAt:
        """A part whose worker ends right after it was first looked at."""

        def __init__(self) -> None:
            self.part, self.progress_ns, self._looks = part(1), 0, 0

        @property
        def judged(self) -> Judged | None:
            self._looks += 1
            return None if self._looks == 1 else unknown_judged()

    def unknown_judged() -> Judged:
        return not_judged(part(1), Reason.DEADLINE)

    judging = side_by_side(FakeEngine())
    judging._unread.append(EndsWhenLookedAt())  # type: ignore[arg-type]

    found = [*judging.let_go(), *judging.let_go()]

    assert [freed.part_id for freed in found] == [1]


def test_triggers_without_a_picture_pass_by_while_every_worker_hangs(side_by_side: Callable[..., SideBySide]) -> None:
    slow = Gated()
    judging = side_by_side(slow, deadline_ns=200_000_000)
    for number in (1, 2):
        judging.accept(part(number, score=99), progress)
    assert slow.has_begun.wait(WAIT_S)
    taken(judging, 2)

    assert judging.has_room()
    judging.accept(part(3, kind=ArrivalKind.OVERRUN), progress)

    assert taken(judging, 1)[0].judged.judgement == unknown(Reason.OVERRUN)
    slow.may_end.set()
    held: list[int] = []
    while len(held) < 2:
        held += [freed.part_id for freed in judging.let_go()]
    assert sorted(held) == [1, 2]


def test_many_idle_workers_end_at_once(wake_fd: int) -> None:
    judging = SideBySide([judge_of(FakeEngine()) for _ in range(64)], wake_fd, lambda: 0)
    judging.start()

    judging.close(timeout_s=30.0)  # on a busy computer 64 threads take their time to begin

    assert not any(thread.name.startswith("judge-") for thread in threading.enumerate())


def test_a_worker_that_hangs_stops_the_progress_of_all(side_by_side: Callable[..., SideBySide]) -> None:
    slow = Gated()
    judging = side_by_side(slow, slow, deadline_ns=200_000_000)
    judging.accept(part(1, score=99), progress)
    assert slow.has_begun.wait(WAIT_S)
    stood_at_ns = monotonic_ns()

    taken(judging, 1)  # released at its deadline; the other worker goes on
    judging.accept(part(2), progress)
    taken(judging, 1)

    assert judging.progress_ns() < stood_at_ns
    slow.may_end.set()
    wait_until(judging.let_go)
    assert judging.progress_ns() > stood_at_ns


def test_a_worker_that_died_is_a_failure(wake_fd: int) -> None:
    class Broken(Judge):
        def judge(self, part: Part, progress: Progress, shutdown_ns: int) -> Judged:
            raise MemoryError("no memory left")

    judging = SideBySide([Broken([Eye(FakeEngine(), decide)], None)], wake_fd, lambda: 0)
    judging.start()

    judging.accept(part(1), progress)

    failure = wait_until(lambda: judging.failure)
    assert "judge-0 thread ended: no memory left" in str(failure)
    judging.close()


def wait_until(asked: Callable[[], object]) -> object:
    """Return the first true answer."""
    until_ns = monotonic_ns() + round(WAIT_S * 1e9)
    while not (answer := asked()):
        assert monotonic_ns() < until_ns
        threading.Event().wait(0.001)
    return answer
