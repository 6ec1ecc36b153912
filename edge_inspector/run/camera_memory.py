"""What one camera has of the line's shared memory: its words, its ring of triggers, slots for their pictures."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import U8, FrameShape

Words = npt.NDArray[np.int64]

PAGE = 4096
CONTROL_WORDS = 64
RECORD_WORDS = 12
SLOT_WORDS = 4


class CameraWord(IntEnum):
    """The control words of one camera, grouped by their one writer."""

    # camera
    TRIGGERS = 0  # triggers counted at the source
    HEAD = 1  # records published
    FILLING = 2  # slot being filled + 1, 0 for none
    STATUS = 3
    PROGRESS_NS = 4
    LAST_FRAME_NS = 5
    FRAMES = 6
    FRAMES_LOST = 7
    FRAMES_INCOMPLETE = 8
    FRAMES_INVALID = 9
    OVERRUNS = 10
    ENCODER_NOW = 11  # newest count of the camera's encoder + 1, 0 for none; cleared before ENCODER_GENERATION rises
    ENCODER_NS = 12  # when that was, monotonic
    ENCODER_GENERATION = 13
    ENCODER_FAULTS = 14  # parts whose place was not believed
    DISCARDED = 15  # buffers that were no trigger of their own
    ARMED_TIMES = 16  # of this epoch
    # inspect
    CONSUMED = 32  # records that have their verdict, or need none: the camera may write over them


class CameraStatus(IntEnum):
    """What the camera process says of its camera."""

    DOWN = 0  # not connected
    ARMED = 1  # delivering or waiting for triggers
    ENDED = 2  # a finite source has played everything
    RESYNCING = 3  # armed again after a loss, no whole picture has come since


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes of one camera's part, from which every offset follows; the same in all processes of a line."""

    frame: FrameShape
    slots: int
    evidence_slots: int
    records: int

    @property
    def n_bytes(self) -> int:
        """Bytes of this camera's part, whole pages."""
        return self.slots_at() + self.slots * self.slot_bytes()

    def slot_bytes(self) -> int:
        """Bytes of one slot, whole pages so that rows start aligned."""
        return whole_pages(self.frame.n_bytes)

    def slots_at(self) -> int:
        """Bytes before the first slot."""
        return whole_pages((CONTROL_WORDS + self.records * RECORD_WORDS + self.slots * SLOT_WORDS) * 8)


class CameraMemory:
    """One camera's part of the mapping, cut into arrays.

    Attributes:
        control: Shape (CONTROL_WORDS,), indexed by `CameraWord`.
        records: Shape (n, RECORD_WORDS), the ring of triggers.
        claims: Shape (slots, SLOT_WORDS), generation counters of each slot; see `run/ring.py`.
    """

    def __init__(self, layout: Layout, mapping: mmap.mmap, at: int) -> None:
        """Cut a part out of a mapping.

        Args:
            layout: Of this part.
            mapping: Of the whole line.
            at: Bytes before this part.
        """
        self.layout = layout
        sizes = [CONTROL_WORDS, layout.records * RECORD_WORDS, layout.slots * SLOT_WORDS]
        words = np.frombuffer(mapping, np.int64, sum(sizes), at)
        cuts = np.cumsum(sizes)
        self.control: Words = words[: cuts[0]]
        self.records: Words = words[cuts[0] : cuts[1]].reshape(layout.records, RECORD_WORDS)
        self.claims: Words = words[cuts[1] : cuts[2]].reshape(layout.slots, SLOT_WORDS)
        n_bytes = layout.slots * layout.slot_bytes()
        self._slots: U8 = np.frombuffer(mapping, np.uint8, n_bytes, at + layout.slots_at())

    def read(self, word: CameraWord) -> int:
        """Return one control word."""
        return int(self.control[word])

    def write(self, word: CameraWord, value: int) -> None:
        """Store one control word; only its one writer may."""
        self.control[word] = value

    def slot(self, index: int) -> U8:
        """Return the pixels of a slot, shape (h, w, c), uint8. A view: whoever holds the claim owns the content."""
        start = index * self.layout.slot_bytes()
        return self._slots[start : start + self.layout.frame.n_bytes].reshape(self.layout.frame.hwc)


def whole_pages(n_bytes: int) -> int:
    """Return a number of bytes, rounded up to whole pages."""
    return -(-n_bytes // PAGE) * PAGE
