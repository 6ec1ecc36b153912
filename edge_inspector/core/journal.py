"""What the loop and the journal say to each other about one verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

COMMIT_LIMIT_NS = 20_000_000
"""A verdict whose row took longer than this to commit is not sent (law 2 of the protocol)."""

Failpoint = Callable[[str], None]
"""Called by name where a test wants to kill, delay or refuse; None in its place outside of tests."""


class Kept(Enum):
    """What became of a row."""

    QUICK = auto()  # committed within the limit: the verdict may be sent
    SLOW = auto()  # committed, too late: the number is used up, the verdict is not sent
    NOT = auto()  # not committed: the number is still free


@dataclass(frozen=True, slots=True)
class Counts:
    """How far an epoch has come: its newest verdict, and the counts up to it."""

    seq: int = 0
    """passes + rejects + unknowns."""
    part_id: int = 0
    """Of the newest verdict; 0 for none."""
    passes: int = 0
    rejects: int = 0
    unknowns: int = 0
    lates: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: a verdict, with the counts of its epoch after it."""

    counts: Counts
    message: bytes
    """As it is sent: topic, header and body in one block."""
