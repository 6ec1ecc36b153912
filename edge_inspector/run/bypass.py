"""Bypass as the verdict path sees it: one word of the shared memory, and what it does to a judgement.

The word is a moment of the monotonic clock, so bypass ends by itself: nobody has to be alive to switch it off.
"""

from __future__ import annotations

from dataclasses import replace

from edge_inspector.core.verdict import Judgement, Outcome, Reason
from edge_inspector.run.memory import LineMemory, Word


def bypass_left_ns(memory: LineMemory, most_ns: int, now_ns: int) -> int:
    """Return how long bypass still lasts; 0 while it is off.

    Args:
        memory: Of the line.
        most_ns: Longest time that the configuration allows, 0 for not at all. A moment further away than that was
            not written by anyone who may: it counts as off.
        now_ns: Monotonic.
    """
    left_ns = memory.read(Word.BYPASS_UNTIL_NS) - now_ns
    return left_ns if 0 < left_ns <= most_ns else 0


def as_bypassed(judgement: Judgement) -> Judgement:
    """Return what becomes of a judgement while bypass is on: PASS `bypass`, with score, label and defects kept.

    UNKNOWN stays UNKNOWN: nobody looked at that part, so nobody can let it pass.
    """
    if judgement.outcome is Outcome.UNKNOWN:
        return judgement
    return replace(judgement, outcome=Outcome.PASS, reason=Reason.BYPASS)
