"""Drill mode as the verdict path sees it: words of the shared memory, and the two faults that exist only in it.

All end by themselves: a moment of the monotonic clock, or a part number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EngineError
from edge_inspector.core.journal import Failpoint
from edge_inspector.run.memory import LineMemory, Word

_COMMIT = "journal.before_commit"


def drill_left_ns(memory: LineMemory, most_ns: int, now_ns: int) -> int:
    """Return how long drill mode still lasts; 0 while it is off.

    Args:
        memory: Of the line.
        most_ns: Longest time that the configuration allows, 0 for not at all. A moment further away than that was
            not written by anyone who may: it counts as off.
        now_ns: Monotonic.
    """
    left_ns = memory.read(Word.DRILL_UNTIL_NS) - now_ns
    return left_ns if 0 < left_ns <= most_ns else 0


def refusing(memory: LineMemory, most_ns: int, inner: Failpoint | None) -> Failpoint | None:
    """Return what the journal calls at its places: it refuses rows while a drill asks for that.

    Args:
        memory: Of the line.
        most_ns: Longest time of a drill; 0 for none: then nothing is added.
        inner: What a test wants to be called too.
    """
    if not most_ns:
        return inner

    def reach(name: str) -> None:
        if inner is not None:
            inner(name)
        if name == _COMMIT and memory.read(Word.DRILL_JOURNAL_UNTIL_NS):
            now_ns = monotonic_ns()
            if now_ns < memory.read(Word.DRILL_JOURNAL_UNTIL_NS) and drill_left_ns(memory, most_ns, now_ns):
                raise _refusal()

    return reach


def _refusal() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("a drill has the journal refuse rows")
    # Busy, not full: on a full disk the journal would try one fresh segment after the other, and throw old ones away.
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def failing(memory: LineMemory, most_ns: int) -> Callable[[int], None]:
    """Return what a judge calls with each part's number before it asks the model: raises EngineError in such a drill.

    Args:
        memory: Of the line.
        most_ns: Longest time of a drill; 0 for none.
    """

    def ask(part_id: int) -> None:
        below = memory.read(Word.DRILL_MODEL_BELOW)
        if memory.read(Word.DRILL_MODEL_FROM) <= part_id < below and drill_left_ns(memory, most_ns, monotonic_ns()):
            raise EngineError(f"a drill has the model fail up to part {below - 1}")

    return ask
