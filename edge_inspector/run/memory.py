"""The shared memory of a line: one memfd, mapped by its three processes, gone with the last of them.

Every word has one writer (a process, or its successor after a kill), so no locks are needed. Words are aligned
64-bit stores through numpy: one instruction on x86-64 and aarch64. What one process must see before something else
is ordered where it is published: see `run/ring.py`.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import U8, FrameShape

Words = npt.NDArray[np.int64]

_PAGE = 4096
OUTBOX_BYTES = 65536
"""Room for one verdict message: 32 defects take about 4 kB."""
OUTBOX_MESSAGES = 32
"""Newest verdicts that a successor can send again: 60 ms of them at 500 parts a second. What ZeroMQ was handed leaves
this computer's memory within a few milliseconds, and is lost when the process is killed before."""
RECORD_WORDS = 12
LEDGER_WORDS = 8
SLOT_WORDS = 4


class Word(IntEnum):
    """The control words, grouped by their one writer."""

    # main
    EPOCH = 0
    FIRST_PART = 1  # part_id of the first trigger of this epoch
    STOP_CAMERA = 2  # 1: disarm and end
    HALT_NS = 3  # monotonic moment from which parts are no longer judged but UNKNOWN `shutdown`; 0 while running
    CLOCK_SYNCED = 4
    CAMERA_GONE = 5  # 1: the camera process ended and what it had in hand is in the ring
    PART_MARK = 6  # part_ids from here on are not kept on disk yet: a part gets no verdict before its number is
    BYPASS_UNTIL_NS = 7  # monotonic moment until which judged parts pass; 0 or past: bypass is off
    # camera
    TRIGGERS = 16  # triggers counted at the source
    HEAD = 17  # records published
    FILLING = 18  # slot being filled + 1, 0 for none
    CAMERA_STATUS = 19
    CAMERA_PROGRESS_NS = 20
    LAST_FRAME_NS = 21
    FRAMES = 22
    FRAMES_LOST = 23
    FRAMES_INCOMPLETE = 24
    FRAMES_INVALID = 25
    OVERRUNS = 26
    ENCODER_NOW = 27  # newest count of the camera's encoder + 1, 0 for none; cleared before ENCODER_GENERATION rises
    ENCODER_NS = 28  # when that was, monotonic
    ENCODER_GENERATION = 29
    ENCODER_FAULTS = 30  # parts whose place was not believed
    DISCARDED = 31  # buffers that were no trigger of their own
    ARMED_TIMES = 32  # of this epoch
    # inspect
    ACTIVE = 40  # which half of the ledger is valid
    INSPECT_PROGRESS_NS = 42
    HEARTBEAT_NS = 43
    STATE = 44
    READY = 45
    SUBSCRIBERS = 46
    HANDOVER_DROPPED = 47
    EVIDENCE_DROPPED = 48
    SIGNALS_BOUND = 49  # 1: clients can connect to the verdicts
    KEYS_REFUSED = 56  # clients whose key was not let in at the signals endpoint


class CameraStatus(IntEnum):
    """What the camera process says of its camera."""

    DOWN = 0  # not connected
    ARMED = 1  # delivering or waiting for triggers
    ENDED = 2  # a finite source has played everything
    RESYNCING = 3  # armed again after a loss, no whole picture has come since


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes from which every offset follows; the same in all processes of a line."""

    frame: FrameShape
    slots: int
    evidence_slots: int
    records: int

    @property
    def n_bytes(self) -> int:
        """Bytes of the whole mapping."""
        return self._slots_at() + self.slots * self.slot_bytes()

    def slot_bytes(self) -> int:
        """Bytes of one slot, whole pages so that rows start aligned."""
        return -(-self.frame.n_bytes // _PAGE) * _PAGE

    def _slots_at(self) -> int:
        words = 64 + 2 * LEDGER_WORDS + self.records * RECORD_WORDS + self.slots * SLOT_WORDS
        return -(-(words * 8 + OUTBOX_MESSAGES * OUTBOX_BYTES) // _PAGE) * _PAGE


class LineMemory:
    """The mapping, cut into arrays.

    Attributes:
        control: Shape (64,), indexed by `Word`.
        ledger: Shape (2, LEDGER_WORDS), double-buffered; see `run/ledger.py`.
        outbox: Shape (OUTBOX_MESSAGES, OUTBOX_BYTES), the newest verdict messages; see `run/ledger.py`.
        records: Shape (n, RECORD_WORDS), the ring of triggers.
        claims: Shape (slots, SLOT_WORDS), generation counters of each slot; see `run/ring.py`.
    """

    def __init__(self, layout: Layout, fd: int | None = None) -> None:
        """Map an existing memfd, or make one.

        Args:
            layout: Must equal the maker's.
            fd: Inherited descriptor; None makes a new, zeroed memory.
        """
        self.layout = layout
        if fd is None:
            fd = os.memfd_create("edge-inspector", 0)
            os.ftruncate(fd, layout.n_bytes)
        self.fd = fd
        self._map = mmap.mmap(fd, layout.n_bytes)
        words = np.frombuffer(self._map, np.int64, _outbox_at(layout) // 8)
        cuts = np.cumsum([64, 2 * LEDGER_WORDS, layout.records * RECORD_WORDS, layout.slots * SLOT_WORDS])
        self.control: Words = words[: cuts[0]]
        self.ledger: Words = words[cuts[0] : cuts[1]].reshape(2, LEDGER_WORDS)
        self.records: Words = words[cuts[1] : cuts[2]].reshape(layout.records, RECORD_WORDS)
        self.claims: Words = words[cuts[2] : cuts[3]].reshape(layout.slots, SLOT_WORDS)
        n_bytes = OUTBOX_MESSAGES * OUTBOX_BYTES
        outbox = np.frombuffer(self._map, np.uint8, n_bytes, _outbox_at(layout))
        self.outbox: U8 = outbox.reshape(OUTBOX_MESSAGES, OUTBOX_BYTES)
        self._slots: U8 = np.frombuffer(self._map, np.uint8, offset=layout._slots_at())

    def read(self, word: Word) -> int:
        """Return one control word."""
        return int(self.control[word])

    def write(self, word: Word, value: int) -> None:
        """Store one control word; only its one writer may."""
        self.control[word] = value

    def slot(self, index: int) -> U8:
        """Return the pixels of a slot, shape (h, w, c), uint8. A view: whoever holds the claim owns the content."""
        start = index * self.layout.slot_bytes()
        return self._slots[start : start + self.layout.frame.n_bytes].reshape(self.layout.frame.hwc)


def _outbox_at(layout: Layout) -> int:
    return layout._slots_at() - OUTBOX_MESSAGES * OUTBOX_BYTES
