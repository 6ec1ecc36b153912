from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest
from fakes.inspect_parts import FakeEngine, FakeSignals
from fakes.line_memory import FRAME, frame_arrival, make_memory, make_wake_fd

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import U8, Arrival, ArrivalKind
from edge_inspector.core.ports import Progress
from edge_inspector.core.verdict import Judgement, LineState, Outcome, Reason, TileResults
from edge_inspector.run import inspect as inspect_module
from edge_inspector.run.handover import NoteReceiver, NoteSender, handover_pair
from edge_inspector.run.inspect import HEARTBEAT_NS, Identity, InspectLoop
from edge_inspector.run.judge import Judge
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraStatus, Word
from edge_inspector.run.ring import RingWriter

LEASE_MS = 1000


def decide(results: TileResults) -> Judgement:
    score = float(results.scores[0, 1])
    outcome = Outcome.REJECT if score >= 0.5 else Outcome.PASS
    reason = Reason.DEFECT if outcome is Outcome.REJECT else Reason.OK
    return Judgement(outcome, reason, score, "DEFECT", n_tiles=1)


class Bench:
    """An inspect loop on a small memory with fakes around it."""

    def __init__(
        self, engine: FakeEngine | EngineError | None = None, deadline_ns: int | None = None, keep: str = "REJECT"
    ) -> None:
        self.memory = make_memory()
        self.wake_fd = make_wake_fd()
        self.writer = RingWriter(self.memory, self.wake_fd)
        self.signals = FakeSignals()
        self.ends = handover_pair()
        main_end, child_end = self.ends
        self.notes, self._sender = NoteReceiver(main_end), NoteSender(child_end)
        self.judge = Judge(engine or FakeEngine(), decide, deadline_ns)
        self.identity = Identity(
            "line", 5, "cam0", "m@1", "0" * 64, "default", LEASE_MS, deadline_ns, frozenset({Outcome(keep)})
        )
        self.memory.write(Word.CAMERA_STATUS, CameraStatus.ARMED)
        self.memory.write(Word.CAMERA_PROGRESS_NS, monotonic_ns())
        self.loop = self.new_loop()

    def new_loop(self) -> InspectLoop:
        return InspectLoop(self.identity, self.memory, self.wake_fd, self.judge, self.signals, self._sender)

    def close(self) -> None:
        for end in self.ends:
            end.close()
        os.close(self.wake_fd)

    def halt(self) -> None:
        self.memory.write(Word.CAMERA_GONE, 1)
        self.memory.write(Word.HALT_NS, 2**62)

    def outcomes(self) -> list[tuple[Outcome, Reason]]:
        return [(v.judgement.outcome, v.judgement.reason) for v in self.signals.verdicts]


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench() -> Iterator[MakeBench]:
    with ExitStack() as stack:

        def make(*arguments: object, **named: object) -> Bench:
            bench = Bench(*arguments, **named)  # type: ignore[arg-type]
            stack.callback(bench.close)
            return bench

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
        def run(self, frame: np.ndarray, progress: object) -> TileResults:  # type: ignore[override, type-arg]
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


def test_no_heartbeat_while_a_part_waits_longer_than_two_leases(make_bench: MakeBench) -> None:
    bench = make_bench()
    old = dataclasses.replace(frame_arrival(10), trigger_ns=monotonic_ns() - 3 * LEASE_MS * 1_000_000)
    bench.writer.accept(old)

    bench.loop._beat_if_due()
    assert bench.signals.beats == []

    bench.loop.step()
    bench.loop._beat_if_due()
    assert len(bench.signals.beats) == 1


def test_a_rejected_part_is_lent_to_evidence_with_its_scores_and_heat(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.writer.accept(frame_arrival(200))

    bench.loop.step()

    notes = iter(bench.notes.take, None)
    note, heat = next(taken for taken in notes if taken[0]["kind"] == "verdict")
    assert (note["slot"] >= 0, note["body"]["evidence_id"]) == (True, "line-00000005-00000001")
    assert heat is not None
    assert heat.shape == (1, 2, 2)


def test_a_part_that_nobody_keeps_gives_its_slot_back_at_once(make_bench: MakeBench) -> None:
    bench = make_bench()
    for _ in range(3 * 4):  # three times the slots
        bench.writer.accept(frame_arrival(10))
        bench.loop.step()

    assert all(outcome is Outcome.PASS for outcome, _ in bench.outcomes())


def test_evidence_that_main_does_not_take_never_costs_the_line_a_slot(make_bench: MakeBench) -> None:
    bench = make_bench()
    for number in range(40):
        bench.writer.accept(frame_arrival(200))
        assert bench.loop.step(), number

    assert {outcome for outcome, _ in bench.outcomes()} == {Outcome.REJECT}
    assert bench.memory.read(Word.EVIDENCE_DROPPED) == 38  # two slots may be lent
    assert [v.evidence_id for v in bench.signals.verdicts][2:] == [None] * 38


def test_a_main_process_that_reads_no_notes_stops_nothing(make_bench: MakeBench) -> None:
    bench = make_bench(keep="UNKNOWN")
    n_notes = 0
    while bench.memory.read(Word.HANDOVER_DROPPED) == 0:
        bench.writer.accept(Arrival(ArrivalKind.LOST, 1, monotonic_ns(), "host"))
        assert bench.loop.step()
        n_notes += 1
        assert n_notes < 100_000

    assert bench.signals.sent == list(range(1, n_notes + 1))


def test_frames_reach_the_engine_unchanged(make_bench: MakeBench) -> None:
    bench = make_bench()
    arrival = frame_arrival(1)
    assert arrival.pixels is not None
    assert arrival.pixels.shape == FRAME.hwc
    seen = []

    class Looking(FakeEngine):
        def run(self, frame: np.ndarray, progress: object) -> TileResults:  # type: ignore[override, type-arg]
            seen.append(frame.copy())
            return super().run(frame, lambda: None)

    bench = make_bench(Looking())
    bench.writer.accept(arrival)
    bench.loop.step()

    assert np.array_equal(seen[0], arrival.pixels)


def test_lost_parts_are_announced_when_the_predecessors_clients_are_back(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.writer.accept(frame_arrival(10))
    bench.memory.write(Word.SUBSCRIBERS, 2)
    heard_by: list[int] = []

    class Reconnecting(FakeSignals):
        def wait(self, wake_fd: int, timeout_s: float) -> None:
            self.subscribers += 1

        def send(self, message: bytes) -> None:
            heard_by.append(self.subscribers)
            super().send(message)

    bench.signals = Reconnecting()
    bench.halt()
    bench.new_loop().run()

    assert heard_by == [2]


def test_a_line_is_not_ready_before_its_lost_parts_are_settled(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.writer.accept(frame_arrival(10))
    loop = bench.new_loop()

    loop._beat()
    loop.step()
    loop._beat()

    before, after = bench.signals.beats
    assert (before.is_ready, before.faults) == (False, ("recovering",))
    assert (after.is_ready, after.faults) == (True, ())


def test_a_part_whose_number_is_not_kept_on_disk_yet_waits_for_its_verdict(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.memory.write(Word.PART_MARK, 2)
    for number in (10, 11):
        bench.writer.accept(frame_arrival(number))

    steps = [bench.loop.step(), bench.loop.step()]
    bench.loop._beat()
    before = bench.signals.beats[-1]
    bench.memory.write(Word.PART_MARK, 100)
    steps.append(bench.loop.step())
    bench.loop._beat()
    after = bench.signals.beats[-1]

    assert steps == [True, False, True]
    assert bench.signals.sent == [1, 2]
    assert (before.is_ready, before.faults) == (False, ("part_numbers",))
    assert (after.is_ready, after.faults) == (True, ())


def test_waiting_for_a_part_number_is_no_hanging(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.memory.write(Word.PART_MARK, 1)
    bench.writer.accept(frame_arrival(10))
    bench.memory.write(Word.INSPECT_PROGRESS_NS, 1)

    bench.loop.step()

    assert bench.memory.read(Word.INSPECT_PROGRESS_NS) > 1


@pytest.mark.timeout(20)
def test_a_model_that_hangs_takes_the_heartbeat_with_it(make_bench: MakeBench) -> None:
    beats: list[int] = []

    class Hanging(FakeEngine):
        def run(self, frame: U8, progress: Progress) -> TileResults:
            before = len(bench.signals.beats)
            threading.Event().wait(3 * HEARTBEAT_NS / 1e9)  # no event: whoever beats meanwhile is not the work
            beats.append(len(bench.signals.beats) - before)
            return super().run(frame, progress)

    bench = make_bench(engine=Hanging())
    bench.writer.accept(frame_arrival(10))
    bench.halt()

    bench.loop.run()

    assert beats == [0]
    assert bench.signals.sent == [1]


def test_a_heartbeat_that_a_chunk_delayed_does_not_delay_the_next(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()
    now_ns = 10**12
    monkeypatch.setattr(inspect_module, "monotonic_ns", lambda: now_ns)
    sent_at = []

    for now_ns in range(10**12, 10**12 + 10 * HEARTBEAT_NS, 70_000_000):  # chunks of 70 ms
        before = len(bench.signals.beats)
        bench.loop._beat_if_due()
        if len(bench.signals.beats) > before:
            sent_at.append((now_ns - 10**12) // 10**6)

    assert sent_at == [0, 140, 210, 350, 420, 560, 630, 700, 840, 910]


def test_a_slot_that_main_could_not_be_told_of_is_free_again(make_bench: MakeBench) -> None:
    class FullNotes:
        def offer(self, note: object, heat: object = None) -> bool:
            return False

    bench = make_bench()
    bench.loop._notes = FullNotes()  # type: ignore[assignment]
    bench.writer.accept(frame_arrival(200))

    bench.loop.step()

    claim, done, lent, _ = bench.memory.claims[0].tolist()
    assert claim == lent == done
