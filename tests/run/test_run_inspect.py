"""What becomes of each part in the inspect loop."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
from fakes.inspect_bench import MakeBench, benches
from fakes.inspect_parts import FakeEngine
from fakes.line_memory import frame_arrival

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import Arrival, ArrivalKind
from edge_inspector.core.verdict import LineState, Outcome, Reason, TileResults
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import Word


@pytest.fixture
def make_bench() -> Iterator[MakeBench]:
    with benches() as make:
        yield make


def test_each_part_gets_one_verdict_in_order_and_the_last_heartbeat_says_halted(make_bench: MakeBench) -> None:
    bench = make_bench()
    for number in (10, 200, 20):
        bench.writer.accept(frame_arrival(number))
    bench.halt()

    bench.loop.run()

    assert bench.signals.sent == [1, 2, 3]
    assert [outcome for outcome, _ in bench.outcomes()] == [Outcome.PASS, Outcome.REJECT, Outcome.PASS]
    last = bench.signals.beats[-1]
    assert (last.state, last.is_ready, last.totals.in_flight) == (LineState.HALTED, False, 0)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (ArrivalKind.LOST, Reason.FRAME_LOST),
        (ArrivalKind.INCOMPLETE, Reason.FRAME_INCOMPLETE),
        (ArrivalKind.INVALID, Reason.FRAME_INVALID),
        (ArrivalKind.OVERRUN, Reason.OVERRUN),
        (ArrivalKind.CAMERA_LOST, Reason.CAMERA_LOST),
    ],
)
def test_a_trigger_without_a_picture_is_unknown_with_its_reason(
    kind: ArrivalKind, reason: Reason, make_bench: MakeBench
) -> None:
    bench = make_bench()
    bench.writer.accept(Arrival(kind, 1, monotonic_ns(), "host"))

    assert bench.loop.step()

    assert bench.outcomes() == [(Outcome.UNKNOWN, reason)]


@pytest.mark.fault(
    18,
    injected="a run of the model fails",
    seen="UNKNOWN `model_error` for that part; golden tiles are replayed before the next",
    noticed="with the part",
)
def test_an_engine_that_fails_once_costs_one_part_and_proves_itself_before_the_next(make_bench: MakeBench) -> None:
    engine = FakeEngine(errors=1)
    bench = make_bench(engine)
    for number in (10, 10):
        bench.writer.accept(frame_arrival(number))
        bench.loop.step()

    assert bench.outcomes() == [(Outcome.UNKNOWN, Reason.MODEL_ERROR), (Outcome.PASS, Reason.OK)]
    assert engine.verifies == 1


def test_an_engine_that_cannot_prove_itself_again_judges_nobody_and_ends_the_process(make_bench: MakeBench) -> None:
    bench = make_bench(FakeEngine(errors=1, can_verify=False))
    for number in (10, 10):
        bench.writer.accept(frame_arrival(number))
        bench.loop.step()

    assert bench.outcomes() == [(Outcome.UNKNOWN, Reason.MODEL_ERROR)] * 2
    with pytest.raises(EngineError, match="cannot prove"):
        bench.loop.run()


def test_without_a_model_every_part_is_unknown_and_the_line_is_not_ready(make_bench: MakeBench) -> None:
    bench = make_bench(EngineError("no GPU here"))
    bench.writer.accept(frame_arrival(10))
    bench.halt()

    bench.loop.run()

    assert bench.outcomes() == [(Outcome.UNKNOWN, Reason.MODEL_ERROR)]
    assert not any(beat.is_ready for beat in bench.signals.beats)
    assert "model" in bench.signals.beats[0].faults


@pytest.mark.fault(
    48,
    injected="a part that is judged after its deadline",
    seen="UNKNOWN `deadline`, late",
    noticed="with the part",
)
@pytest.mark.parametrize("score", [10, 200])
def test_a_part_judged_after_its_deadline_is_unknown_and_late(score: int, make_bench: MakeBench) -> None:
    bench = make_bench(deadline_ns=1)  # passed by the time it is judged
    arrival = dataclasses.replace(frame_arrival(score), trigger_ns=monotonic_ns() - 1_000_000)
    bench.writer.accept(arrival)

    bench.loop.step()

    verdict = bench.signals.verdicts[0]
    assert (verdict.judgement.outcome, verdict.judgement.reason) == (Outcome.UNKNOWN, Reason.DEADLINE)
    assert verdict.is_late
    assert verdict.budget_us == 0
    assert Ledger(bench.memory).totals().lates == 1


def test_a_part_whose_deadline_passes_while_it_is_judged_keeps_its_score(make_bench: MakeBench) -> None:
    class SlowEngine(FakeEngine):
        def run(self, frame: np.ndarray, progress: object, tiles: object = None, heat_from: float = 0.0) -> TileResults:  # type: ignore[override, type-arg]
            results = super().run(frame, lambda: None)
            while monotonic_ns() < until_ns:
                pass
            return results

    until_ns = monotonic_ns() + 60_000_000
    bench = make_bench(SlowEngine(), deadline_ns=50_000_000)
    bench.writer.accept(frame_arrival(51))

    bench.loop.step()

    judgement = bench.signals.verdicts[0].judgement
    assert (judgement.reason, judgement.score) == (Reason.DEADLINE, pytest.approx(0.2))


def test_an_unknown_part_that_is_late_keeps_the_reason_that_explains_it(make_bench: MakeBench) -> None:
    bench = make_bench(deadline_ns=1)
    bench.writer.accept(Arrival(ArrivalKind.LOST, 1, monotonic_ns() - 1_000_000, "host"))

    bench.loop.step()

    verdict = bench.signals.verdicts[0]
    assert (verdict.judgement.reason, verdict.is_late) == (Reason.FRAME_LOST, True)


def test_parts_of_a_killed_process_are_process_lost_and_later_ones_are_judged(make_bench: MakeBench) -> None:
    bench = make_bench()
    for number in (10, 10):
        bench.writer.accept(frame_arrival(number))
    loop = bench.new_loop()
    bench.writer.accept(frame_arrival(10))

    for _ in range(3):
        loop.step()

    assert [reason for _, reason in bench.outcomes()] == [Reason.PROCESS_LOST, Reason.PROCESS_LOST, Reason.OK]


def test_a_verdict_that_a_killed_process_had_entered_is_sent_again_as_it_was(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.signals.is_broken = True
    bench.writer.accept(frame_arrival(10))
    with pytest.raises(OSError, match="broken"):
        bench.loop.step()
    bench.signals.is_broken = False
    entered = bench.signals.verdicts[0]
    bench.halt()

    bench.new_loop().run()

    assert [entered.part_id] == [1]
    assert bench.signals.sent == []
    assert b'"part_id": 1' in bench.signals.sent_again[0]
    assert Ledger(bench.memory).totals().verdicts == 1


def test_parts_that_wait_past_the_shutdown_limit_are_unknown_shutdown(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.writer.accept(frame_arrival(10))
    bench.memory.write(Word.CAMERA_GONE, 1)
    bench.memory.write(Word.HALT_NS, 1)

    bench.loop.run()

    assert bench.outcomes() == [(Outcome.UNKNOWN, Reason.SHUTDOWN)]
