"""Drill mode in the verdict path: the flag on every message, and faults that nobody can have outside of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fakes.inspect_bench import MakeBench, benches
from fakes.line_memory import frame_arrival, make_memory

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EngineError
from edge_inspector.run.drill import failing, refusing
from edge_inspector.run.memory import Word

MINUTE_NS = 60_000_000_000


@pytest.fixture
def make_bench() -> Iterator[MakeBench]:
    with benches() as make:
        yield make


@pytest.mark.parametrize(
    ("left_ns", "most_ns", "expected"),
    [(MINUTE_NS, MINUTE_NS, True), (-1, MINUTE_NS, False), (MINUTE_NS, 0, False), (2 * MINUTE_NS, MINUTE_NS, False)],
)
def test_verdicts_and_heartbeats_say_it_until_its_moment(
    left_ns: int, most_ns: int, expected: bool, make_bench: MakeBench
) -> None:
    bench = make_bench()
    bench.memory.write(Word.DRILL_UNTIL_NS, monotonic_ns() + left_ns)
    bench.identity = replace(bench.identity, drill_most_ns=most_ns)
    bench.loop = bench.new_loop()
    bench.writer.accept(frame_arrival(10))

    assert bench.loop.step()
    bench.loop._heart.beat()

    assert bench.signals.verdicts[0].is_drill is expected
    assert bench.signals.beats[-1].is_drill is expected


def test_the_journal_refuses_rows_in_drill_mode_alone_and_only_for_its_time() -> None:
    memory = make_memory()
    passed: list[str] = []
    reach = refusing(memory, MINUTE_NS, passed.append)
    assert reach is not None

    memory.write(Word.DRILL_JOURNAL_UNTIL_NS, monotonic_ns() + MINUTE_NS)
    reach("journal.before_commit")
    memory.write(Word.DRILL_UNTIL_NS, monotonic_ns() + MINUTE_NS)
    reach("journal.after_commit")
    with pytest.raises(sqlite3.OperationalError, match="drill") as refused:
        reach("journal.before_commit")
    memory.write(Word.DRILL_JOURNAL_UNTIL_NS, monotonic_ns() - 1)
    reach("journal.before_commit")

    # A full disk would have the journal begin one segment after the other, and throw the oldest away.
    assert refused.value.sqlite_errorcode == sqlite3.SQLITE_BUSY
    assert passed == ["journal.before_commit", "journal.after_commit", "journal.before_commit", "journal.before_commit"]


def test_a_line_that_allows_no_drill_asks_for_nothing_at_its_places() -> None:
    assert refusing(make_memory(), 0, None) is None


def test_the_model_fails_for_the_parts_that_were_asked_for_in_drill_mode_alone() -> None:
    memory = make_memory()
    ask = failing(memory, MINUTE_NS)
    memory.write(Word.DRILL_MODEL_FROM, 7)
    memory.write(Word.DRILL_MODEL_BELOW, 8)
    ask(7)
    memory.write(Word.DRILL_UNTIL_NS, monotonic_ns() + MINUTE_NS)

    with pytest.raises(EngineError, match="part 7"):
        ask(7)
    ask(6)  # was under way
    ask(8)
