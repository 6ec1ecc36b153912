"""Bypass in the verdict path: what it changes, what it must not, and when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fakes.inspect_bench import Bench, MakeBench, benches
from fakes.inspect_parts import FakeEngine
from fakes.line_memory import frame_arrival, make_memory

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import U8, Arrival, ArrivalKind, Index
from edge_inspector.core.ports import Progress
from edge_inspector.core.verdict import Defect, Judgement, Outcome, Reason, TileResults
from edge_inspector.run.bypass import as_bypassed, bypass_left_ns
from edge_inspector.run.memory import Word

MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS


@pytest.fixture
def make_bench() -> Iterator[MakeBench]:
    with benches() as make:
        yield make


def switch(bench: Bench, until_ns: int, most_ns: int = HOUR_NS) -> None:
    """Do what main does, and start the loop with what the configuration allows."""
    bench.memory.write(Word.BYPASS_UNTIL_NS, until_ns)
    bench.identity = replace(bench.identity, bypass_most_ns=most_ns)
    bench.loop = bench.new_loop()


@pytest.mark.parametrize(
    ("until_ns", "most_ns", "expected"),
    [
        (0, HOUR_NS, 0),
        (1000, HOUR_NS, 0),  # the moment itself is over
        (1001, HOUR_NS, 1),
        (1000 + HOUR_NS, HOUR_NS, HOUR_NS),
        (1001 + HOUR_NS, HOUR_NS, 0),  # further away than anybody may ask for
        (1001, 0, 0),  # not allowed
        (2**62, HOUR_NS, 0),
        (-5, HOUR_NS, 0),
    ],
)
def test_bypass_lasts_until_its_moment_and_never_longer_than_allowed(
    until_ns: int, most_ns: int, expected: int
) -> None:
    memory = make_memory()
    memory.write(Word.BYPASS_UNTIL_NS, until_ns)

    assert bypass_left_ns(memory, most_ns, now_ns=1000) == expected


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.REJECT])
def test_a_judged_part_passes_with_everything_that_was_found(outcome: Outcome) -> None:
    defect = Defect(0, 0, 32, 32, 0.9, "DEFECT")
    judged = Judgement(outcome, Reason.DEFECT, 0.9, "DEFECT", (defect,), 4, 1)

    expected = Judgement(Outcome.PASS, Reason.BYPASS, 0.9, "DEFECT", (defect,), 4, 1)
    assert as_bypassed(judged) == expected


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in (Reason.OK, Reason.DEFECT)])
def test_an_unknown_part_stays_unknown_whatever_the_reason(reason: Reason) -> None:
    judged = Judgement(Outcome.UNKNOWN, reason, 0.2, "OK")

    assert as_bypassed(judged) == judged


def test_while_it_is_on_a_defect_passes_flagged_and_keeps_its_picture(make_bench: MakeBench) -> None:
    bench = make_bench()
    switch(bench, monotonic_ns() + MINUTE_NS)
    bench.writer.accept(frame_arrival(200))

    assert bench.loop.step()

    (verdict,) = bench.signals.verdicts
    assert bench.outcomes() == [(Outcome.PASS, Reason.BYPASS)]
    assert (verdict.is_bypass, verdict.judgement.label) == (True, "DEFECT")
    assert verdict.evidence_id is not None


def test_a_part_without_a_picture_is_flagged_and_still_rejected(make_bench: MakeBench) -> None:
    bench = make_bench()
    switch(bench, monotonic_ns() + MINUTE_NS)
    bench.writer.accept(Arrival(ArrivalKind.LOST, 1, monotonic_ns(), "host"))

    assert bench.loop.step()

    assert bench.outcomes() == [(Outcome.UNKNOWN, Reason.FRAME_LOST)]
    assert bench.signals.verdicts[0].is_bypass


def test_a_part_that_is_late_when_it_is_numbered_stays_unknown_though_it_was_judged(make_bench: MakeBench) -> None:
    class SlowEngine(FakeEngine):
        def run(self, frame: U8, progress: Progress, tiles: Index | None = None, heat_from: float = 0.0) -> TileResults:
            results = super().run(frame, progress, tiles)
            while monotonic_ns() < until_ns:
                pass
            return results

    until_ns = monotonic_ns() + 60_000_000
    bench = make_bench(SlowEngine(), deadline_ns=50_000_000)
    switch(bench, monotonic_ns() + MINUTE_NS)
    bench.writer.accept(frame_arrival(10))

    assert bench.loop.step()

    (verdict,) = bench.signals.verdicts
    assert bench.outcomes() == [(Outcome.UNKNOWN, Reason.DEADLINE)]
    assert (verdict.is_bypass, verdict.is_late) == (True, True)
    assert verdict.judgement.score is not None


def test_parts_of_a_killed_predecessor_stay_unknown_and_the_successor_keeps_the_time(make_bench: MakeBench) -> None:
    bench = make_bench()
    switch(bench, monotonic_ns() + MINUTE_NS)
    bench.writer.accept(frame_arrival(10))
    bench.loop = bench.new_loop()
    bench.writer.accept(frame_arrival(200))

    assert [bench.loop.step(), bench.loop.step()] == [True, True]

    assert bench.outcomes() == [(Outcome.UNKNOWN, Reason.PROCESS_LOST), (Outcome.PASS, Reason.BYPASS)]


@pytest.mark.parametrize(("until_ns", "most_ns"), [(-1, HOUR_NS), (MINUTE_NS, 0), (2 * HOUR_NS, HOUR_NS)])
def test_when_it_is_over_or_nobody_may_a_defect_is_rejected(until_ns: int, most_ns: int, make_bench: MakeBench) -> None:
    bench = make_bench()
    switch(bench, monotonic_ns() + until_ns, most_ns)
    bench.writer.accept(frame_arrival(200))

    assert bench.loop.step()

    assert bench.outcomes() == [(Outcome.REJECT, Reason.DEFECT)]
    assert not bench.signals.verdicts[0].is_bypass


def test_the_heartbeat_says_whether_it_is_on(make_bench: MakeBench) -> None:
    bench = make_bench()
    switch(bench, monotonic_ns() + MINUTE_NS)
    bench.halt()
    bench.loop.run()
    bench.memory.write(Word.BYPASS_UNTIL_NS, 0)
    bench.loop.run()

    beats = [beat.is_bypass for beat in bench.signals.beats]
    assert (beats[0], beats[-1]) == (True, False)
