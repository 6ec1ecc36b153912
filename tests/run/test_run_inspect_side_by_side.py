"""The inspect loop over workers: order, deadlines and whose slot it is."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import pytest
from fakes.inspect_bench import Bench, judge_of
from fakes.inspect_parts import FakeEngine
from fakes.line_memory import frame_arrival

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import U8, Index
from edge_inspector.core.ports import Progress
from edge_inspector.core.verdict import Outcome, Reason, TileResults
from edge_inspector.run.judging import SideBySide
from edge_inspector.run.memory import Word
from edge_inspector.run.ring import CLAIM, DONE

WAIT_S = 10.0


class SlowOn(FakeEngine):
    """Needs to be let through for a picture of one number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self.has_begun, self.may_end = threading.Event(), threading.Event()
        self.seen: list[int] = []

    def run(self, frame: U8, progress: Progress, tiles: Index | None = None, heat_from: float = 0.0) -> TileResults:
        if frame.flat[0] == self._number:
            self.has_begun.set()
            assert self.may_end.wait(WAIT_S)
            self.seen.append(int(frame.flat[0]))  # what the slot holds after all that time
        return super().run(frame, progress, tiles)


class Rig:
    """A loop over two workers that share one fake model."""

    def __init__(self, engine: FakeEngine, deadline_ns: int | None = None) -> None:
        self.bench = Bench(deadline_ns=deadline_ns)
        judges = [judge_of(engine, deadline_ns) for _ in range(2)]
        memory = self.bench.memory
        self.judging = SideBySide(judges, self.bench.wake_fd, lambda: memory.read(Word.HALT_NS))
        self.judging.start()
        self.loop = self.bench.loop_of(self.judging)

    def step_until(self, is_true: Callable[[], object]) -> None:
        until_ns = monotonic_ns() + round(WAIT_S * 1e9)
        while not is_true():
            assert monotonic_ns() < until_ns
            self.loop.step()


MakeRig = Callable[..., Rig]


@pytest.fixture
def make_rig() -> Iterator[MakeRig]:
    rigs: list[Rig] = []

    def make(engine: FakeEngine, deadline_ns: int | None = None) -> Rig:
        rigs.append(Rig(engine, deadline_ns))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.judging.close()
        rig.bench.close()


def test_verdicts_leave_in_order_though_the_first_is_judged_last(make_rig: MakeRig) -> None:
    engine = SlowOn(1)
    rig = make_rig(engine)
    for number in (1, 2, 3):
        rig.bench.writer.accept(frame_arrival(number))

    rig.step_until(lambda: engine.runs == 2)  # the two behind the first are judged
    before = list(rig.bench.signals.sent)
    engine.may_end.set()
    rig.step_until(lambda: len(rig.bench.signals.sent) == 3)

    assert before == []
    assert rig.bench.signals.sent == [1, 2, 3]


def test_a_slot_under_a_reader_is_never_filled_again(make_rig: MakeRig) -> None:
    engine = SlowOn(1)
    rig = make_rig(engine, deadline_ns=300_000_000)  # long enough for a worker of a busy computer to begin
    rig.bench.writer.accept(frame_arrival(1))
    slot = 0

    rig.step_until(lambda: rig.bench.signals.sent == [1])  # at its deadline
    for number in range(2, 12):  # more than there are slots
        rig.bench.writer.accept(frame_arrival(number))
        rig.step_until(lambda n=number: len(rig.bench.signals.sent) == n)  # type: ignore[misc]
    claims = rig.bench.memory.cameras[0].claims[slot].copy()
    engine.may_end.set()
    rig.step_until(
        lambda: rig.bench.memory.cameras[0].claims[slot, DONE] == rig.bench.memory.cameras[0].claims[slot, CLAIM]
    )

    assert claims[DONE] != claims[CLAIM]
    assert engine.seen == [1]
    verdict = rig.bench.signals.verdicts[0]
    assert (verdict.judgement.outcome, verdict.judgement.reason) == (Outcome.UNKNOWN, Reason.DEADLINE)
    assert verdict.is_late


def test_the_loop_sleeps_no_longer_than_to_the_deadline_of_the_part_it_has_just_taken_in(make_rig: MakeRig) -> None:
    engine = SlowOn(1)
    rig = make_rig(engine, deadline_ns=30_000_000)
    rig.bench.writer.accept(frame_arrival(1))
    waits: list[float] = []

    def wait(wake_fd: int, timeout_s: float) -> None:
        waits.append(timeout_s)
        threading.Event().wait(timeout_s)  # no event: the time itself is what is asked for
        if rig.bench.signals.sent:
            engine.may_end.set()
            rig.bench.halt()

    rig.bench.signals.wait = wait  # type: ignore[method-assign]

    rig.loop.run()

    assert waits[0] <= 0.03  # the next heartbeat is 0.1 s away
    assert rig.bench.outcomes() == [(Outcome.UNKNOWN, Reason.DEADLINE)]


def test_no_heartbeat_while_a_worker_hangs_though_the_line_goes_on(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = SlowOn(1)
    rig = make_rig(engine, deadline_ns=20_000_000)
    rig.bench.writer.accept(frame_arrival(1))
    rig.step_until(lambda: rig.bench.signals.sent == [1])
    rig.bench.writer.accept(frame_arrival(2))
    rig.step_until(lambda: rig.bench.signals.sent == [1, 2])

    later_ns = monotonic_ns() + 3 * rig.bench.identity.lease_ms * 1_000_000
    monkeypatch.setattr("edge_inspector.run.heart.monotonic_ns", lambda: later_ns)
    rig.loop._heart.beat_if_due()
    silent = len(rig.bench.signals.beats)
    engine.may_end.set()

    assert silent == 0


def test_a_model_that_cannot_prove_itself_ends_the_loop_after_its_part_was_rejected(make_rig: MakeRig) -> None:
    rig = make_rig(FakeEngine(errors=1, can_verify=False))
    rig.bench.writer.accept(frame_arrival(1))

    with pytest.raises(EngineError, match="cannot prove itself"):
        rig.loop.run()

    assert rig.bench.outcomes() in ([], [(Outcome.UNKNOWN, Reason.MODEL_ERROR)])


def test_the_end_waits_for_every_part_in_hand(make_rig: MakeRig) -> None:
    rig = make_rig(FakeEngine())
    for number in range(1, 8):
        rig.bench.writer.accept(frame_arrival(number))
    rig.bench.halt()

    rig.loop.run()

    assert rig.bench.signals.sent == list(range(1, 8))
    os.eventfd_write(rig.bench.wake_fd, 1)
    assert rig.judging.in_hand == 0
