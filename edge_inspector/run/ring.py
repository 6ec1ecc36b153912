"""The hop from camera to inspect: a ring of triggers, and slots for their pictures.

A slot has four generation counters, each with one writer, that only rise:

    claim     camera    rises when the camera takes the slot for a new picture
    done      inspect   = claim: the verdict is out, the slot is free
    lent      inspect   = claim: the verdict is out, evidence may copy the picture
    returned  main      = claim: evidence has its copy, the slot is free

A camera without a free slot takes a lent one back (claim rises; the borrower sees it and drops its copy): evidence
may lose pictures, the line may not. Nothing here ever waits, so a stopped or killed process stops nobody else, and
its successor finds in the counters exactly what was in flight.

Memory order: Python has no fences, but the kernel takes one lock in every read and write of an eventfd. The writer
writes to it between a record and the HEAD that publishes it, the reader reads from it between seeing a HEAD and
looking at its record; so whoever sees HEAD also sees record and pixels, on weakly ordered processors too.
"""

from __future__ import annotations

import contextlib
import os

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import U8, Arrival, ArrivalKind, Part, Travel
from edge_inspector.run.memory import LineMemory, Word

CLAIM, DONE, LENT, RETURNED = range(4)
KIND, FRAME_ID, TRIGGER_NS, SOURCE, SLOT, GENERATION, ENC_COUNT, ENC_GENERATION, ENC_POSITION, COUNT = range(10)
_PART = slice(0, 9)
_USED = slice(0, 10)

_COUNTED = {
    ArrivalKind.FRAME: Word.FRAMES,
    ArrivalKind.LOST: Word.FRAMES_LOST,
    ArrivalKind.INCOMPLETE: Word.FRAMES_INCOMPLETE,
    ArrivalKind.INVALID: Word.FRAMES_INVALID,
    ArrivalKind.OVERRUN: Word.OVERRUNS,
    ArrivalKind.ENCODER: Word.ENCODER_FAULTS,
}


class RingWriter:
    """The camera's end. One at a time; a new one settles what its killed predecessor had in hand."""

    def __init__(self, memory: LineMemory, wake_fd: int) -> None:
        """Take over the writing end.

        Args:
            memory: The line's shared memory.
            wake_fd: eventfd that wakes the inspect process.
        """
        self._memory = memory
        self._control = memory.control
        self._claims = memory.claims
        self._wake_fd = wake_fd
        self._next_slot = 0
        self._recover()

    def accept(self, arrival: Arrival) -> None:
        """Count one trigger and pass it on; never waits. Without room its verdict will be UNKNOWN `overrun`."""
        self._control[Word.TRIGGERS] += 1
        self._settle(ArrivalKind.OVERRUN, keep=1)
        if not self._has_record():
            return  # owed: settled as OVERRUN once the ring has room
        if arrival.kind is ArrivalKind.FRAME and arrival.pixels is not None:
            slot = self._claim()
            if slot < 0:
                self._publish(ArrivalKind.OVERRUN, arrival, -1)
                return
            self._memory.slot(slot)[:] = arrival.pixels
            self._publish(ArrivalKind.FRAME, arrival, slot)
            self._control[Word.FILLING] = 0
        else:
            self._publish(arrival.kind, arrival, -1)

    def settle(self) -> None:
        """Pass on triggers that had no room when they came; called while the camera is idle."""
        self._settle(ArrivalKind.OVERRUN, keep=0)

    def has_room(self) -> bool:
        """Whether the next frame would find a record and a slot that nobody holds (for sources that can wait)."""
        return self._has_record() and any(self._is_free(slot) for slot in range(len(self._claims)))

    def trigger_count(self) -> int | None:
        """Return what the trigger counter showed at the newest trigger that was counted; None where nobody knows."""
        head, n = int(self._control[Word.HEAD]), len(self._memory.records)
        for back in range(1, min(head, n) + 1):
            if (count := int(self._memory.records[(head - back) % n, COUNT])) >= 0:
                return count + int(self._control[Word.TRIGGERS]) - (head - back + 1)  # those after it have no count
        return None

    def _recover(self) -> None:
        filling = int(self._control[Word.FILLING]) - 1
        if filling >= 0 and not self._is_published(filling):
            self._claims[filling, DONE] = self._claims[filling, CLAIM]
        self._control[Word.FILLING] = 0
        self._settle(ArrivalKind.CAMERA_LOST, keep=0)

    def _is_published(self, slot: int) -> bool:
        head = int(self._control[Word.HEAD])
        newest = self._memory.records[(head - 1) % len(self._memory.records)]
        return head > 0 and int(newest[SLOT]) == slot and int(newest[GENERATION]) == int(self._claims[slot, CLAIM])

    def _settle(self, kind: ArrivalKind, keep: int) -> None:
        while int(self._control[Word.TRIGGERS]) - int(self._control[Word.HEAD]) > keep and self._has_record():
            self._publish(kind, Arrival(kind, -1, monotonic_ns(), "host"), -1)

    def _has_record(self) -> bool:
        in_ring = int(self._control[Word.HEAD]) - _consumed(self._memory)
        return in_ring < len(self._memory.records)

    def _claim(self) -> int:
        n = len(self._claims)
        # The first that is free, not each in turn: while the line keeps up, a picture is copied to where one was just
        # before, which the caches still hold.
        slot = next((s for s in range(n) if self._is_free(s)), -1)
        if slot < 0:
            order = (s % n for s in range(self._next_slot, self._next_slot + n))
            slot = next((s for s in order if self._claims[s, LENT] == self._claims[s, CLAIM]), -1)
        if slot >= 0:
            self._next_slot = (slot + 1) % n
            self._control[Word.FILLING] = slot + 1  # before the claim, so that no reader takes it for stale
            self._claims[slot, CLAIM] += 1
        return slot

    def _is_free(self, slot: int) -> bool:
        claim, done, _, returned = self._claims[slot].tolist()
        return claim in (done, returned)

    def _publish(self, kind: ArrivalKind, arrival: Arrival, slot: int) -> None:
        head = int(self._control[Word.HEAD])
        generation = int(self._claims[slot, CLAIM]) if slot >= 0 else 0
        record = self._memory.records[head % len(self._memory.records)]
        source = 1 if arrival.trigger_source == "camera" else 0
        # Whatever has no place is of the present generation: one that fell would say that the encoder was reset.
        travel = arrival.travel or Travel(generation=int(self._control[Word.ENCODER_GENERATION]))
        record[_USED] = (
            kind, arrival.frame_id, arrival.trigger_ns, source, slot, generation,
            travel.count, travel.generation, travel.position, arrival.count,
        )  # fmt: skip
        if kind in _COUNTED:
            self._control[_COUNTED[kind]] += 1
        os.eventfd_write(self._wake_fd, 0)  # a fence that wakes nobody: the record and its pixels come before HEAD
        self._control[Word.HEAD] = head + 1  # publishes the record
        os.eventfd_write(self._wake_fd, 1)  # wakes the reader


class RingReader:
    """The inspect process's end. A new one frees what its killed predecessor had in hand."""

    def __init__(self, memory: LineMemory, wake_fd: int) -> None:
        """Take over the reading end.

        Args:
            memory: The line's shared memory.
            wake_fd: eventfd that the writer writes to; non-blocking.
        """
        self._memory = memory
        self._claims = memory.claims
        self._wake_fd = wake_fd
        self._recover()

    def quiet(self) -> None:
        """Take back the wake-ups that came so far, so that the next wait waits; `peek` again before that."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)

    def head(self) -> int:
        """Records published so far in this epoch."""
        return int(self._memory.control[Word.HEAD])

    def peek(self, consumed: int) -> Part | None:
        """Return the part after `consumed` others of this epoch; None if it has not come yet."""
        if self.head() <= consumed:
            return None
        self.quiet()  # a fence, see above
        record = self._memory.records[consumed % len(self._memory.records), _PART].tolist()
        kind, frame_id, trigger_ns, source, slot, generation, *travel = record
        return Part(
            part_id=self._memory.read(Word.FIRST_PART) + consumed,
            kind=ArrivalKind(kind),
            frame_id=frame_id,
            trigger_ns=trigger_ns,
            trigger_source="camera" if source else "host",
            pixels=self._memory.slot(slot) if slot >= 0 else None,
            slot=slot,
            generation=generation,
            travel=Travel(*travel),
        )

    def can_lend(self) -> bool:
        """Whether evidence may borrow one more slot."""
        lent = (self._claims[:, LENT] == self._claims[:, CLAIM]) & (self._claims[:, RETURNED] < self._claims[:, LENT])
        return int(lent.sum()) < self._memory.layout.evidence_slots

    def release(self, part: Part, lend: bool) -> None:
        """Give the part's slot back to the camera, or lend it to evidence first.

        Main is told of a loan before it is one: main may copy and return it already, which this does not undo. The
        other way round a kill between the two would leave a loan of which nobody knows.
        """
        if part.slot >= 0:
            self._claims[part.slot, LENT if lend else DONE] = part.generation

    def _recover(self) -> None:
        for slot in range(len(self._claims)):
            claim, done, lent, returned = self._claims[slot].tolist()
            # This order of reads matters: a camera at work sets `filling`, claims, publishes, clears `filling`.
            is_filling = int(self._memory.control[Word.FILLING]) == slot + 1
            if claim in (done, lent, returned) or is_filling or self._is_waiting(slot, claim):
                continue
            self._claims[slot, DONE] = claim

    def _is_waiting(self, slot: int, claim: int) -> bool:
        consumed, head = _consumed(self._memory), self.head()
        rows = self._memory.records[[i % len(self._memory.records) for i in range(consumed, head)]]
        return bool(((rows[:, SLOT] == slot) & (rows[:, GENERATION] == claim)).any()) if len(rows) else False


class EvidenceBorrower:
    """Main's end: copies of lent pictures."""

    def __init__(self, memory: LineMemory) -> None:
        self._memory = memory

    def copy(self, slot: int, generation: int) -> U8 | None:
        """Return a copy of a lent picture, shape (h, w, c), and give the slot back; None if it was taken back."""
        claims = self._memory.claims[slot]
        if int(claims[CLAIM]) != generation:
            return None
        pixels = self._memory.slot(slot).copy()
        if int(claims[CLAIM]) != generation:  # the camera began to overwrite it during the copy
            return None
        claims[RETURNED] = generation
        return pixels


def _consumed(memory: LineMemory) -> int:
    """Parts with a verdict, from the valid half of the ledger (its word 0)."""
    return int(memory.ledger[int(memory.control[Word.ACTIVE]), 0])
