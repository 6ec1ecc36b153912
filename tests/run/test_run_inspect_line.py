"""What the inspect loop owes to others: heartbeat, evidence, clients, part numbers."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from fakes.inspect_bench import LEASE_MS, MakeBench, benches
from fakes.inspect_parts import FakeEngine, FakeSignals
from fakes.line_memory import FRAME, frame_arrival

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import U8, Arrival, ArrivalKind, Index
from edge_inspector.core.ports import Progress
from edge_inspector.core.verdict import Outcome, TileResults
from edge_inspector.run import heart as heart_module
from edge_inspector.run.heart import HEARTBEAT_NS
from edge_inspector.run.memory import Word


@pytest.fixture
def make_bench() -> Iterator[MakeBench]:
    with benches() as make:
        yield make


def test_no_heartbeat_while_a_part_waits_longer_than_two_leases(make_bench: MakeBench) -> None:
    bench = make_bench()
    old = dataclasses.replace(frame_arrival(10), trigger_ns=monotonic_ns() - 3 * LEASE_MS * 1_000_000)
    bench.writer.accept(old)

    bench.loop._heart.beat_if_due()
    assert bench.signals.beats == []

    bench.loop.step()
    bench.loop._heart.beat_if_due()
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
    while bench.sender.dropped == 0:
        bench.writer.accept(Arrival(ArrivalKind.LOST, 1, monotonic_ns(), "host"))
        assert bench.loop.step()
        n_notes += 1
        assert n_notes < 100_000
    bench.halt()
    bench.loop.run()

    assert bench.memory.read(Word.HANDOVER_DROPPED) == bench.sender.dropped
    assert bench.signals.sent == list(range(1, n_notes + 1))


def test_frames_reach_the_engine_unchanged(make_bench: MakeBench) -> None:
    bench = make_bench()
    arrival = frame_arrival(1)
    assert arrival.pixels is not None
    assert arrival.pixels.shape == FRAME.hwc
    seen = []

    class Looking(FakeEngine):
        def run(self, frame: np.ndarray, progress: object, tiles: object = None, heat_from: float = 0.0) -> TileResults:  # type: ignore[override, type-arg]
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

    loop._heart.beat()
    loop.step()
    loop._heart.beat()

    before, after = bench.signals.beats
    assert (before.is_ready, before.faults) == (False, ("recovering",))
    assert (after.is_ready, after.faults) == (True, ())


def test_a_part_whose_number_is_not_kept_on_disk_yet_waits_for_its_verdict(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.memory.write(Word.PART_MARK, 2)
    for number in (10, 11):
        bench.writer.accept(frame_arrival(number))

    steps = [bench.loop.step(), bench.loop.step()]
    bench.loop._heart.beat()
    before = bench.signals.beats[-1]
    bench.memory.write(Word.PART_MARK, 100)
    steps.append(bench.loop.step())
    bench.loop._heart.beat()
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
        def run(self, frame: U8, progress: Progress, tiles: Index | None = None, heat_from: float = 0.0) -> TileResults:
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
    monkeypatch.setattr(heart_module, "monotonic_ns", lambda: now_ns)
    sent_at = []

    for now_ns in range(10**12, 10**12 + 10 * HEARTBEAT_NS, 70_000_000):  # chunks of 70 ms
        before = len(bench.signals.beats)
        bench.loop._heart.beat_if_due()
        if len(bench.signals.beats) > before:
            sent_at.append((now_ns - 10**12) // 10**6)

    assert sent_at == [0, 140, 210, 350, 420, 560, 630, 700, 840, 910]


def test_a_slot_that_main_could_not_be_told_of_is_free_again(make_bench: MakeBench) -> None:
    class FullNotes:
        def offer(self, *_about: object) -> bool:
            return False

    bench = make_bench()
    bench.loop._publishing._notes = FullNotes()  # type: ignore[assignment]
    bench.writer.accept(frame_arrival(200))

    bench.loop.step()

    claim, done, lent, _ = bench.memory.cameras[0].claims[0].tolist()
    assert claim == done != lent
