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
writes to it between a record and the HEAD that publishes it, the reader does between seeing a HEAD and looking at its
record (a 0, which wakes nobody); so whoever sees HEAD also sees record and pixels, on weakly ordered processors too.
"""

from __future__ import annotations

import os

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import U8, Arrival, ArrivalKind, Travel
from edge_inspector.run.camera_memory import CameraMemory, CameraWord
from edge_inspector.run.part import View

CLAIM, DONE, LENT, RETURNED = range(4)
KIND, FRAME_ID, TRIGGER_NS, SOURCE, SLOT, GENERATION, ENC_COUNT, ENC_GENERATION, ENC_POSITION, COUNT = range(10)
_PART = slice(0, 9)
_USED = slice(0, 10)

_COUNTED = {
    ArrivalKind.FRAME: CameraWord.FRAMES,
    ArrivalKind.LOST: CameraWord.FRAMES_LOST,
    ArrivalKind.INCOMPLETE: CameraWord.FRAMES_INCOMPLETE,
    ArrivalKind.INVALID: CameraWord.FRAMES_INVALID,
    ArrivalKind.OVERRUN: CameraWord.OVERRUNS,
    ArrivalKind.ENCODER: CameraWord.ENCODER_FAULTS,
}


class RingWriter:
    """The camera's end. One at a time; a new one settles what its killed predecessor had in hand."""

    def __init__(self, memory: CameraMemory, wake_fd: int) -> None:
        """Take over the writing end.

        Args:
            memory: Of this camera.
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
        self._control[CameraWord.TRIGGERS] += 1
        self._settle(ArrivalKind.OVERRUN, keep=1)
        if not self._has_record():
            return  # owed: settled as OVERRUN once the ring has room
        if arrival.pixels is None:
            self._publish(arrival.kind, arrival, -1)
            return
        slot = self._claim()
        if slot < 0:
            self._publish(ArrivalKind.OVERRUN if arrival.kind is ArrivalKind.FRAME else arrival.kind, arrival, -1)
            return
        self._memory.slot(slot)[:] = arrival.pixels
        self._publish(arrival.kind, arrival, slot)
        self._control[CameraWord.FILLING] = 0

    def settle(self) -> None:
        """Pass on triggers that had no room when they came; called while the camera is idle."""
        self._settle(ArrivalKind.OVERRUN, keep=0)

    def has_room(self) -> bool:
        """Whether the next frame would find a record and a slot that nobody holds (for sources that can wait)."""
        return self._has_record() and any(self._is_free(slot) for slot in range(len(self._claims)))

    def trigger_count(self) -> int | None:
        """Return what the trigger counter showed at the newest trigger that was counted; None where nobody knows."""
        head, n = int(self._control[CameraWord.HEAD]), len(self._memory.records)
        for back in range(1, min(head, n) + 1):
            if (count := int(self._memory.records[(head - back) % n, COUNT])) >= 0:
                # Those after it have no count.
                return count + int(self._control[CameraWord.TRIGGERS]) - (head - back + 1)
        return None

    def _recover(self) -> None:
        filling = int(self._control[CameraWord.FILLING]) - 1
        if filling >= 0 and not self._is_published(filling):
            self._claims[filling, DONE] = self._claims[filling, CLAIM]
        self._control[CameraWord.FILLING] = 0
        self._settle(ArrivalKind.CAMERA_LOST, keep=0)

    def _is_published(self, slot: int) -> bool:
        head = int(self._control[CameraWord.HEAD])
        newest = self._memory.records[(head - 1) % len(self._memory.records)]
        return head > 0 and int(newest[SLOT]) == slot and int(newest[GENERATION]) == int(self._claims[slot, CLAIM])

    def _settle(self, kind: ArrivalKind, keep: int) -> None:
        while self._owed() > keep and self._has_record():
            self._publish(kind, Arrival(kind, -1, monotonic_ns(), "host"), -1)

    def _owed(self) -> int:
        return int(self._control[CameraWord.TRIGGERS]) - int(self._control[CameraWord.HEAD])

    def _has_record(self) -> bool:
        in_ring = int(self._control[CameraWord.HEAD]) - int(self._control[CameraWord.CONSUMED])
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
            self._control[CameraWord.FILLING] = slot + 1  # before the claim, so that no reader takes it for stale
            self._claims[slot, CLAIM] += 1
        return slot

    def _is_free(self, slot: int) -> bool:
        claim, done, _, returned = self._claims[slot].tolist()
        return claim in (done, returned)

    def _publish(self, kind: ArrivalKind, arrival: Arrival, slot: int) -> None:
        head = int(self._control[CameraWord.HEAD])
        generation = int(self._claims[slot, CLAIM]) if slot >= 0 else 0
        record = self._memory.records[head % len(self._memory.records)]
        source = 1 if arrival.trigger_source == "camera" else 0
        # Whatever has no place is of the present generation: one that fell would say that the encoder was reset.
        travel = arrival.travel or Travel(generation=int(self._control[CameraWord.ENCODER_GENERATION]))
        record[_USED] = (
            kind, arrival.frame_id, arrival.trigger_ns, source, slot, generation,
            travel.count, travel.generation, travel.position, arrival.count,
        )  # fmt: skip
        if kind in _COUNTED:
            self._control[_COUNTED[kind]] += 1
        os.eventfd_write(self._wake_fd, 0)  # a fence that wakes nobody: the record and its pixels come before HEAD
        self._control[CameraWord.HEAD] = head + 1  # publishes the record
        os.eventfd_write(self._wake_fd, 1)  # wakes the reader


class RingReader:
    """The inspect process's end. A new one frees what its killed predecessor had in hand."""

    def __init__(self, memory: CameraMemory, wake_fd: int, consumed: int) -> None:
        """Take over the reading end.

        Args:
            memory: Of this camera.
            wake_fd: eventfd that the writers write to; non-blocking.
            consumed: Records that have their verdict, by the ledger: the word of that name may be older.
        """
        self._memory = memory
        self._claims = memory.claims
        self._wake_fd = wake_fd
        self._recover(consumed)

    def head(self) -> int:
        """Records published so far in this epoch."""
        return int(self._memory.control[CameraWord.HEAD])

    def view(self, place: int) -> View | None:
        """Return what stands at a place of the ring; None if it has not come yet."""
        if self.head() <= place:
            return None
        self._fence()
        record = self._memory.records[place % len(self._memory.records), _PART].tolist()
        kind, frame_id, trigger_ns, source, slot, generation, *travel = record
        return View(
            kind=ArrivalKind(kind),
            frame_id=frame_id,
            trigger_ns=trigger_ns,
            trigger_source="camera" if source else "host",
            pixels=self._memory.slot(slot) if slot >= 0 else None,
            slot=slot,
            generation=generation,
            travel=Travel(*travel),
        )

    def glance(self, place: int) -> tuple[ArrivalKind, int, int, int] | None:
        """Return kind, frame id, trigger time and trigger count of a record; None if it has not come yet."""
        if self.head() <= place:
            return None
        self._fence()
        record = self._memory.records[place % len(self._memory.records)]
        return ArrivalKind(int(record[KIND])), int(record[FRAME_ID]), int(record[TRIGGER_NS]), int(record[COUNT])

    def consume(self, consumed: int) -> None:
        """Let the camera write over the records before this place; the ledger must say so already."""
        self._memory.control[CameraWord.CONSUMED] = consumed

    def can_lend(self) -> bool:
        """Whether evidence may borrow one more slot."""
        lent = (self._claims[:, LENT] == self._claims[:, CLAIM]) & (self._claims[:, RETURNED] < self._claims[:, LENT])
        return int(lent.sum()) < self._memory.layout.evidence_slots

    def release(self, view: View, lend: bool) -> None:
        """Give a view's slot back to the camera, or lend it to evidence first.

        Main is told of a loan before it is one: main may copy and return it already, which this does not undo. The
        other way round a kill between the two would leave a loan of which nobody knows.
        """
        if view.slot >= 0:
            self._claims[view.slot, LENT if lend else DONE] = view.generation

    def _fence(self) -> None:
        """Order what follows behind what was read of HEAD. Wakes nobody and takes no wake-up of another camera back."""
        os.eventfd_write(self._wake_fd, 0)

    def _recover(self, consumed: int) -> None:
        for slot in range(len(self._claims)):
            claim, done, lent, returned = self._claims[slot].tolist()
            # This order of reads matters: a camera at work sets `filling`, claims, publishes, clears `filling`.
            is_filling = int(self._memory.control[CameraWord.FILLING]) == slot + 1
            if claim in (done, lent, returned) or is_filling or self._is_waiting(slot, claim, consumed):
                continue
            self._claims[slot, DONE] = claim

    def _is_waiting(self, slot: int, claim: int, consumed: int) -> bool:
        rows = self._memory.records[[i % len(self._memory.records) for i in range(consumed, self.head())]]
        return bool(((rows[:, SLOT] == slot) & (rows[:, GENERATION] == claim)).any()) if len(rows) else False


class EvidenceBorrower:
    """Main's end: copies of lent pictures."""

    def __init__(self, memory: CameraMemory) -> None:
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
