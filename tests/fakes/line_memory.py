"""Small shared memories for tests of the hop."""

from __future__ import annotations

import os

import numpy as np

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import Arrival, ArrivalKind, FrameShape
from edge_inspector.core.verdict import Outcome
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraWord, Layout, LineMemory, Word
from edge_inspector.run.part import Intake

FRAME = FrameShape(8, 16, 1)


def make_memory(slots: int = 4, evidence_slots: int = 2, records: int = 8) -> LineMemory:
    """Return a fresh memory whose first part is 1; no child can inherit it."""
    memory = LineMemory(Layout(FRAME, slots, evidence_slots, records))
    os.close(memory.fd)  # the mapping goes without it, and takes the memory with it when the test lets go of it
    memory.fd = -1
    memory.write(Word.FIRST_PART, 1)
    memory.write(Word.PART_MARK, 2**40)
    return memory


def enter_next(
    memory: LineMemory, outcome: Outcome = Outcome.PASS, is_late: bool = False, message: bytes = b"message"
) -> None:
    """Give the next part of a line of one camera its verdict, as the inspect process does."""
    ledger = Ledger(memory)
    taken = ledger.intake().taken[0] + 1
    ledger.enter(outcome, is_late, message, Intake((taken,), (0,)))
    memory.cameras[0].write(CameraWord.CONSUMED, taken)


def make_wake_fd() -> int:
    """Return a descriptor that wakes nobody; the caller closes it."""
    return os.eventfd(0, os.EFD_NONBLOCK)


def frame_arrival(number: int) -> Arrival:
    """Return a picture whose every pixel is its number."""
    pixels = np.full(FRAME.hwc, number % 256, np.uint8)
    return Arrival(ArrivalKind.FRAME, number, monotonic_ns(), "host", pixels)
