"""The shared memory of a line: one memfd, mapped by all its processes, gone with the last of them.

Every word has one writer (a process, or its successor after a kill), so no locks are needed. Words are aligned
64-bit stores through numpy: one instruction on x86-64 and aarch64. What one process must see before something else
is ordered where it is published: see `run/ring.py`.
"""

from __future__ import annotations

import mmap
import os
from enum import IntEnum
from itertools import accumulate

import numpy as np

from edge_inspector.core.frame import U8
from edge_inspector.run.camera_memory import (
    CONTROL_WORDS,
    CameraMemory,
    CameraStatus,
    CameraWord,
    Layout,
    Words,
    whole_pages,
)

__all__ = ["CameraMemory", "CameraStatus", "CameraWord", "Layout", "LineMemory", "Word", "Words"]

OUTBOX_BYTES = 65536
"""Room for one verdict message: 32 defects take about 4 kB."""
OUTBOX_MESSAGES = 32
"""Newest verdicts that a successor can send again: 60 ms of them at 500 parts a second. What ZeroMQ was handed leaves
this computer's memory within a few milliseconds, and is lost when the process is killed before."""
TERMS_BYTES = 65536
"""Room for what may change while the line runs, twice; it takes some hundred bytes for each camera and zone."""
MOST_CAMERAS = 8
LEDGER_WORDS = 48
"""Six counts, two words for each camera of a line, three for each set that is remembered (`run/ledger.py`)."""
_LINE_WORDS = CONTROL_WORDS + 2 * LEDGER_WORDS
_TERMS_AT = _LINE_WORDS * 8 + OUTBOX_MESSAGES * OUTBOX_BYTES
_LINE_BYTES = whole_pages(_TERMS_AT + 2 * TERMS_BYTES)


class Word(IntEnum):
    """The control words of the line, grouped by their one writer; each camera has words of its own beside them."""

    # main
    EPOCH = 0
    FIRST_PART = 1  # part_id of the first trigger of this epoch
    STOP_CAMERA = 2  # 1: disarm and end
    HALT_NS = 3  # monotonic moment from which parts are no longer judged but UNKNOWN `shutdown`; 0 while running
    CLOCK_SYNCED = 4
    CAMERA_GONE = 5  # 1: every camera process ended and what it had in hand is in its ring
    PART_MARK = 6  # part_ids from here on are not kept on disk yet: a part gets no verdict before its number is
    BYPASS_UNTIL_NS = 7  # monotonic moment until which judged parts pass; 0 or past: bypass is off
    # What the epoch had before this ledger's first verdict; negative where the epoch is younger than the ledger.
    SEQ_BASE = 8
    PASSES_BASE = 9
    REJECTS_BASE = 10
    UNKNOWNS_BASE = 11
    LATES_BASE = 12
    DRILL_UNTIL_NS = 13  # monotonic moment until which the line is in drill mode; 0 or past: it is at work
    DRILL_JOURNAL_UNTIL_NS = 14  # until then the journal refuses rows, in drill mode
    DRILL_MODEL_BELOW = 15  # the model fails for parts below this number, in drill mode
    TERMS = 16  # how often what parts are judged under was changed; see `run/terms.py`
    LOG_LEVEL = 17  # of the children, as `logging` counts; 0: as they were started
    DRILL_MODEL_FROM = 18  # and from this number on: what was under way when it was asked for is judged
    # inspect
    ACTIVE = 40  # which half of the ledger is valid
    IN_STEP = 41  # ARMED_TIMES of all cameras together when sets by count were last in step; see `run/assemble.py`
    INSPECT_PROGRESS_NS = 42
    HEARTBEAT_NS = 43
    STATE = 44
    READY = 45
    SUBSCRIBERS = 46
    HANDOVER_DROPPED = 47
    EVIDENCE_DROPPED = 48
    SIGNALS_BOUND = 49  # 1: clients can connect to the verdicts
    DURABLE_SEQ = 50  # rows of the journal up to here survive a power cut; main writes it before there is a process
    ROWS_REFUSED = 51  # times that the journal did not take a row
    ROWS_LATE = 52  # rows that were committed too late for their verdict to be sent
    TERMS_FIRST = 53  # the first part that is judged under TERMS_TAKEN
    TERMS_TAKEN = 54  # the newest TERMS that this process has taken; negative where it could not
    KEYS_REFUSED = 56  # clients whose key was not let in at the signals endpoint


class LineMemory:
    """The mapping, cut into arrays.

    Attributes:
        control: Shape (CONTROL_WORDS,), indexed by `Word`.
        ledger: Shape (2, LEDGER_WORDS), double-buffered; see `run/ledger.py`.
        outbox: Shape (OUTBOX_MESSAGES, OUTBOX_BYTES), the newest verdict messages; see `run/ledger.py`.
        terms: Shape (2, TERMS_BYTES), what parts are judged under, double-buffered; see `run/terms.py`.
        cameras: What each camera has of it, in the order of the configuration.
    """

    def __init__(self, *layouts: Layout, fd: int | None = None) -> None:
        """Map an existing memfd, or make one.

        Args:
            layouts: One for each camera; must equal the maker's.
            fd: Inherited descriptor; None makes a new, zeroed memory.
        """
        if not 1 <= len(layouts) <= MOST_CAMERAS:
            raise ValueError(f"a line has 1 to {MOST_CAMERAS} cameras, not {len(layouts)}")
        begins = list(accumulate((layout.n_bytes for layout in layouts), initial=_LINE_BYTES))
        if fd is None:
            fd = os.memfd_create("edge-inspector", 0)
            os.ftruncate(fd, begins[-1])
        self.fd = fd
        self._map = mmap.mmap(fd, begins[-1])
        words = np.frombuffer(self._map, np.int64, _LINE_WORDS)
        self.control: Words = words[:CONTROL_WORDS]
        self.ledger: Words = words[CONTROL_WORDS:].reshape(2, LEDGER_WORDS)
        outbox = np.frombuffer(self._map, np.uint8, OUTBOX_MESSAGES * OUTBOX_BYTES, _LINE_WORDS * 8)
        self.outbox: U8 = outbox.reshape(OUTBOX_MESSAGES, OUTBOX_BYTES)
        self.terms: U8 = np.frombuffer(self._map, np.uint8, 2 * TERMS_BYTES, _TERMS_AT).reshape(2, TERMS_BYTES)
        self.cameras = tuple(
            CameraMemory(layout, self._map, at) for layout, at in zip(layouts, begins, strict=False)
        )  # fmt: skip

    def read(self, word: Word) -> int:
        """Return one control word."""
        return int(self.control[word])

    def write(self, word: Word, value: int) -> None:
        """Store one control word; only its one writer may."""
        self.control[word] = value
