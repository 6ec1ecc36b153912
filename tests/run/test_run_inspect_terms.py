"""The inspect loop when what parts are judged under changes: each part by one set of terms, from accept to verdict."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fakes.inspect_bench import Bench, MakeBench, benches, judge_of
from fakes.inspect_parts import FakeEngine
from fakes.line_memory import frame_arrival

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import U8, Arrival, ArrivalKind, Index
from edge_inspector.core.look import Look
from edge_inspector.core.ports import Progress
from edge_inspector.core.verdict import Judgement, Outcome, Reason, TileResults
from edge_inspector.run.inspect import InspectLoop
from edge_inspector.run.judging import InTurn, Judging, SideBySide
from edge_inspector.run.memory import Word
from edge_inspector.run.terms import Sight, Terms

WAIT_S = 10.0


@pytest.fixture
def make_bench() -> Iterator[MakeBench]:
    with benches() as make:
        yield make


class FakeTerms:
    """Terms that a test sets, and what was acknowledged."""

    def __init__(self) -> None:
        self.now: Terms | None = None
        self.told: list[int] = []

    def newest(self) -> Terms | None:
        return self.now

    def taken(self, part_id: int) -> None:
        self.told.append(part_id)


def rejecting(_: TileResults) -> Judgement:
    return Judgement(Outcome.REJECT, Reason.DEFECT, 0.9, "DEFECT", n_tiles=1)


def loop_with(bench: Bench, terms: FakeTerms, judging: Judging | None = None) -> InspectLoop:
    from edge_inspector.run.assemble import Assembler

    judging = judging or InTurn(bench.judge, lambda: bench.memory.read(Word.HALT_NS))
    assembler = Assembler(bench.memory, bench.wake_fd)
    return InspectLoop(
        bench.identity, bench.memory, assembler, judging, bench.signals, bench.journal, bench.sender, bench.wake_fd,
        terms=terms,
    )  # fmt: skip


def strict(bench: Bench, **of_identity: object) -> Terms:
    """Return terms under which everything is rejected."""
    who = replace(bench.identity, config="new", recipe="bolts", **of_identity)  # type: ignore[arg-type]
    return Terms(who, (Sight(rejecting, None, "metric"),))


def test_the_next_part_after_a_change_is_judged_and_told_under_it_and_no_part_before(make_bench: MakeBench) -> None:
    bench, terms = make_bench(), FakeTerms()
    loop = loop_with(bench, terms)
    bench.writer.accept(frame_arrival(10))
    loop.step()

    terms.now = strict(bench)
    bench.writer.accept(frame_arrival(10))
    loop.step()

    told = [(v.judgement.outcome, v.recipe, v.config) for v in bench.signals.verdicts]
    assert told == [(Outcome.PASS, "default", ""), (Outcome.REJECT, "bolts", "new")]
    assert terms.told[-1] == 2
    loop._heart.beat()
    assert bench.signals.beats[-1].config == "new"


def test_a_line_at_rest_says_that_its_next_part_is_the_first(make_bench: MakeBench) -> None:
    bench, terms = make_bench(), FakeTerms()
    loop = loop_with(bench, terms)
    terms.now = strict(bench)

    loop.step()

    assert terms.told == [1]


def test_what_a_killed_predecessor_had_is_not_the_first_part(make_bench: MakeBench) -> None:
    bench, terms = make_bench(), FakeTerms()
    for _ in range(2):
        bench.writer.accept(frame_arrival(10))  # before this loop took over
    loop = loop_with(bench, terms)
    terms.now = strict(bench)
    bench.writer.accept(frame_arrival(10))
    while loop.step():
        pass

    assert [v.judgement.reason for v in bench.signals.verdicts] == [
        Reason.PROCESS_LOST, Reason.PROCESS_LOST, Reason.DEFECT,
    ]  # fmt: skip
    assert set(terms.told) == {3, 4}
    assert terms.told[0] == 3


class Held(FakeEngine):
    """Waits to be let through."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_end = threading.Semaphore(0), threading.Event()

    def run(self, frame: U8, progress: Progress, tiles: Index | None = None, heat_from: float = 0.0) -> TileResults:
        self.begun.release()
        assert self.may_end.wait(WAIT_S)
        return super().run(frame, progress, tiles)


@pytest.mark.timeout(60)
def test_parts_that_workers_hold_when_it_changes_keep_their_terms_to_the_verdict(make_bench: MakeBench) -> None:
    bench, terms, engine = make_bench(), FakeTerms(), Held()
    judging = SideBySide([judge_of(engine) for _ in range(2)], bench.wake_fd, lambda: 0)
    judging.start()
    try:
        loop = loop_with(bench, terms, judging)
        for _ in range(2):
            bench.writer.accept(frame_arrival(10))
        loop.step()
        assert all(engine.begun.acquire(timeout=WAIT_S) for _ in range(2))

        terms.now = strict(bench)
        bench.writer.accept(frame_arrival(10))
        loop.step()
        engine.may_end.set()
        until_ns = monotonic_ns() + round(WAIT_S * 1e9)
        while len(bench.signals.verdicts) < 3:
            assert monotonic_ns() < until_ns
            loop.step()
    finally:
        engine.may_end.set()
        judging.close()

    told = [(v.judgement.outcome, v.recipe, v.config) for v in bench.signals.verdicts]
    assert told == [(Outcome.PASS, "default", "")] * 2 + [(Outcome.REJECT, "bolts", "new")]
    assert 3 in terms.told


def test_deadline_evidence_and_bypass_are_those_of_the_part(make_bench: MakeBench) -> None:
    bench, terms = make_bench(deadline_ns=50_000_000_000), FakeTerms()
    loop = loop_with(bench, terms)
    bench.memory.write(Word.BYPASS_UNTIL_NS, monotonic_ns() + 10_000_000_000)
    bench.writer.accept(frame_arrival(200))
    loop.step()
    terms.now = strict(bench, deadline_ns=100_000_000_000, keep=frozenset(), bypass_most_ns=60_000_000_000)
    bench.writer.accept(frame_arrival(200))
    loop.step()
    terms.now = strict(bench, deadline_ns=1)
    bench.writer.accept(Arrival(ArrivalKind.FRAME, 3, monotonic_ns() - 1000, "host", frame_arrival(200).pixels))
    loop.step()

    first, second, third = bench.signals.verdicts
    assert (first.budget_us < 50_000_000 < second.budget_us) is True
    assert (first.evidence_id is not None, second.evidence_id) == (True, None)
    assert (first.is_bypass, second.is_bypass, second.judgement.reason) == (False, True, Reason.BYPASS)
    assert (third.judgement.reason, third.is_late) == (Reason.DEADLINE, True)


def test_a_picture_that_repeats_is_judged_by_the_policy_of_its_part(make_bench: MakeBench) -> None:
    def look(_: U8) -> Look:
        return Look(fingerprint=7)

    bench, terms = make_bench(), FakeTerms()
    loop = loop_with(bench, terms)
    for policy in ("metric", "metric", "unknown"):
        terms.now = Terms(bench.identity, (Sight(rejecting, look, policy),))  # type: ignore[arg-type]
        bench.writer.accept(frame_arrival(10))
        loop.step()

    assert [v.judgement.reason for v in bench.signals.verdicts] == [Reason.DEFECT, Reason.DEFECT, Reason.IMAGE_HEALTH]
