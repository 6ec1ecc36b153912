"""The inspect loop beside the thread that lets clients of encrypted endpoints in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.inspect_bench import Bench, MakeBench, benches
from fakes.line_memory import frame_arrival

from edge_inspector.core.errors import ProcessError
from edge_inspector.core.verdict import LineState, Outcome
from edge_inspector.run import inspect
from edge_inspector.run.inspect import InspectLoop
from edge_inspector.run.judging import InTurn
from edge_inspector.run.memory import Word


class FakeGuard:
    """Lives or does not, as a test wants it."""

    def __init__(self) -> None:
        self.lives = True
        self.refused: dict[tuple[str, str], int] = {}

    def is_alive(self) -> bool:
        return self.lives


@pytest.fixture
def make_bench() -> Iterator[MakeBench]:
    with benches() as make:
        yield make


def guarded_loop(bench: Bench, guard: FakeGuard) -> InspectLoop:
    return bench.loop_of(InTurn(bench.judge, lambda: bench.memory.read(Word.HALT_NS)), guard=guard)


def test_a_line_that_can_let_nobody_in_is_not_ready_and_says_why(make_bench: MakeBench) -> None:
    bench, guard = make_bench(), FakeGuard()
    loop = guarded_loop(bench, guard)

    loop._heart.beat()
    guard.lives = False
    loop._heart.beat()
    guard.lives = True
    loop._heart.beat()

    told = [(beat.is_ready, beat.state, beat.faults) for beat in bench.signals.beats]
    assert told == [
        (True, LineState.READY, ()),
        (False, LineState.PREOPERATIONAL, ("authenticator",)),
        (True, LineState.READY, ()),
    ]


def test_parts_get_their_verdicts_while_nobody_can_be_let_in(make_bench: MakeBench) -> None:
    bench, guard = make_bench(), FakeGuard()
    guard.lives = False
    loop = guarded_loop(bench, guard)
    bench.writer.accept(frame_arrival(10))

    assert loop.step()

    assert [outcome for outcome, _ in bench.outcomes()] == [Outcome.PASS]


@pytest.mark.fault(
    42,
    injected="the inspect process's authenticator is dead for long",
    seen="not ready, then replaced",
    noticed="with the call",
)
def test_a_process_that_can_let_nobody_in_for_long_ends_so_that_a_fresh_one_can(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect, "GUARD_RETRY_NS", 0)
    bench, guard = make_bench(), FakeGuard()
    loop = guarded_loop(bench, guard)
    guard.lives = False

    with pytest.raises(ProcessError, match="no client could come back to the verdicts"):
        loop.run()

    told = [note["name"] for note, _ in bench.notes.take_up_to(99) if note["kind"] == "event"]
    assert told == ["authenticator"]


def test_a_halting_line_ends_in_good_order_with_a_dead_guard(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect, "GUARD_RETRY_NS", 0)
    bench, guard = make_bench(), FakeGuard()
    loop = guarded_loop(bench, guard)
    guard.lives = False
    bench.writer.accept(frame_arrival(10))
    bench.halt()

    loop.run()

    assert bench.signals.beats[-1].state is LineState.HALTED


def test_refused_keys_are_counted_over_the_lives_of_processes(make_bench: MakeBench) -> None:
    bench, guard = make_bench(), FakeGuard()
    guard.refused = {("signals", "unknown_key"): 3, ("telemetry", "unknown_key"): 9}
    guarded_loop(bench, guard)._heart.beat()
    assert bench.memory.read(Word.KEYS_REFUSED) == 3

    successor = FakeGuard()
    successor.refused = {("signals", "unknown_key"): 2}
    guarded_loop(bench, successor)._heart.beat()

    assert bench.memory.read(Word.KEYS_REFUSED) == 5
