"""The ledger of a run: verdicts by kind, how much of the rings is theirs, and the newest messages.

Two halves and a word that says which one is valid: a verdict is written into the other half, then the word flips.
A kill at any moment leaves a whole ledger, with the verdict and what it used of the rings, or without both.

The message of verdict n lies in place n modulo the size of the outbox before n counts. A killed process may have
taken with it what ZeroMQ had not sent yet, so a successor sends the newest ones again.
"""

from __future__ import annotations

import numpy as np

from edge_inspector.core.journal import Counts
from edge_inspector.core.verdict import Outcome, Totals
from edge_inspector.run.memory import MOST_CAMERAS, OUTBOX_BYTES, OUTBOX_MESSAGES, CameraWord, LineMemory, Word, Words
from edge_inspector.run.part import Closed, Intake

SEQ, PASSES, REJECTS, UNKNOWNS, LATES, N_CLOSED = range(6)
_TAKEN = 6
_OWED = _TAKEN + MOST_CAMERAS
_CLOSED = _OWED + MOST_CAMERAS
_LENGTH_BYTES = 4
_BASES = (Word.SEQ_BASE, Word.PASSES_BASE, Word.REJECTS_BASE, Word.UNKNOWNS_BASE, Word.LATES_BASE)
_COLUMN = {Outcome.PASS: PASSES, Outcome.REJECT: REJECTS, Outcome.UNKNOWN: UNKNOWNS}


class Ledger:
    """Readable from every process of the line; written by the inspect process alone."""

    def __init__(self, memory: LineMemory) -> None:
        self._memory = memory
        n = len(memory.cameras)
        self._taken, self._owed = slice(_TAKEN, _TAKEN + n), slice(_OWED, _OWED + n)

    @property
    def seq(self) -> int:
        """Count of parts of this run that have their verdict."""
        return int(self._half()[SEQ])

    @property
    def head_seq(self) -> int:
        """Number of the newest verdict of the epoch, which may be older than this ledger; 0 for none."""
        return self.seq + self._memory.read(Word.SEQ_BASE)

    def intake(self) -> Intake:
        """Return how far the rings are taken. In the inspect process only: it is the one that moves it."""
        row = self._half()
        closed = row[_CLOSED : _CLOSED + 3 * int(row[N_CLOSED])].reshape(-1, 3).tolist()
        taken, owed = row[self._taken].tolist(), row[self._owed].tolist()
        return Intake(tuple(taken), tuple(owed), tuple(Closed(*one) for one in closed))

    def counts(self, part_id: int, outcome: Outcome | None = None, is_late: bool = False) -> Counts:
        """Return how far the epoch is; with an outcome, how far it will be with one more verdict. As `intake`."""
        row, read = self._half(), self._memory.read

        def count(column: int, base: Word) -> int:
            is_this = outcome is not None and _COLUMN[outcome] == column
            return int(row[column]) + read(base) + is_this

        passes, rejects = count(PASSES, Word.PASSES_BASE), count(REJECTS, Word.REJECTS_BASE)
        unknowns, lates = count(UNKNOWNS, Word.UNKNOWNS_BASE), int(row[LATES]) + read(Word.LATES_BASE) + is_late
        return Counts(passes + rejects + unknowns, part_id, passes, rejects, unknowns, lates)

    def begin_epoch(self, before: Counts) -> None:
        """Let the next verdict follow on an epoch's newest one. By main, while no inspect process lives.

        Args:
            before: Of that verdict; all 0 for a new epoch.
        """
        row = self._half()
        former = (before.seq, before.passes, before.rejects, before.unknowns, before.lates)
        for base, column, count in zip(_BASES, (SEQ, PASSES, REJECTS, UNKNOWNS, LATES), former, strict=True):
            self._memory.write(base, count - int(row[column]))

    def epoch_totals(self) -> Totals:
        """Return the counts of the epoch, of former runs as well; safe while the inspect process writes."""
        totals, read = self.totals(), self._memory.read
        return Totals(
            totals.triggers + read(Word.SEQ_BASE),
            totals.passes + read(Word.PASSES_BASE),
            totals.rejects + read(Word.REJECTS_BASE),
            totals.unknowns + read(Word.UNKNOWNS_BASE),
            totals.lates + read(Word.LATES_BASE),
        )

    def totals(self) -> Totals:
        """Return the counts of this run; safe while the inspect process writes."""
        while True:
            active = self._memory.read(Word.ACTIVE)
            row = self._memory.ledger[active].copy()
            # Triggers are read after the verdicts, so in_flight is never seen negative.
            waiting = self._waiting(row)
            if self._memory.read(Word.ACTIVE) == active and int(self._memory.ledger[active, SEQ]) == int(row[SEQ]):
                counts = (int(row[PASSES]), int(row[REJECTS]), int(row[UNKNOWNS]), int(row[LATES]))
                return Totals(int(row[SEQ]) + waiting, *counts)

    def enter(self, outcome: Outcome, is_late: bool, message: bytes, intake: Intake) -> None:
        """Enter the next verdict with the message that will carry it; after this it counts, whatever happens.

        Args:
            outcome: Of the part.
            is_late: Its deadline had passed.
            message: Under OUTBOX_BYTES.
            intake: How far the rings are taken with this part.

        Raises:
            ValueError: The message is larger than the outbox.
        """
        if len(message) > OUTBOX_BYTES - _LENGTH_BYTES:
            raise ValueError(f"verdict message of {len(message)} bytes is over {OUTBOX_BYTES - _LENGTH_BYTES}")
        active = self._memory.read(Word.ACTIVE)
        spare = self._spare(active, intake)
        spare[SEQ] += 1
        spare[_COLUMN[outcome]] += 1
        spare[LATES] += int(is_late)
        framed = len(message).to_bytes(_LENGTH_BYTES, "big") + message
        self._memory.outbox[int(spare[SEQ]) % OUTBOX_MESSAGES, : len(framed)] = bytearray(framed)
        self._memory.write(Word.ACTIVE, 1 - active)

    def note(self, intake: Intake) -> None:
        """Enter how far the rings are taken, without a verdict."""
        active = self._memory.read(Word.ACTIVE)
        self._spare(active, intake)
        self._memory.write(Word.ACTIVE, 1 - active)

    def newest(self) -> list[bytes]:
        """Return the newest messages in order; empty before the first verdict.

        One fewer than the outbox holds: a kill may have come while the next one was written over the oldest.
        """
        seq = self.seq
        return [self._message(n) for n in range(max(1, seq - OUTBOX_MESSAGES + 2), seq + 1)]

    def _spare(self, active: int, intake: Intake) -> Words:
        """Return the half that is not valid, a copy of the other one with this intake."""
        spare: Words = self._memory.ledger[1 - active]
        spare[:] = self._memory.ledger[active]
        if intake.closed:
            spare[N_CLOSED] = len(intake.closed)
            spare[_CLOSED : _CLOSED + 3 * len(intake.closed)] = np.ravel(intake.closed)
        spare[self._taken] = intake.taken
        spare[self._owed] = intake.owed
        return spare

    def _waiting(self, row: Words) -> int:
        """Return the triggers without a verdict: what the fullest ring holds that no closed set stands for.

        A closed set that a camera is missing in may still get its record: that is not one more trigger.
        """
        done = row[self._taken] + row[self._owed]
        counts = zip(self._memory.cameras, done.tolist(), strict=True)
        waiting = [camera.read(CameraWord.TRIGGERS) - int(n) for camera, n in counts]
        return max(0, *waiting)

    def _message(self, seq: int) -> bytes:
        framed = self._memory.outbox[seq % OUTBOX_MESSAGES]
        length = int.from_bytes(framed[:_LENGTH_BYTES].tobytes(), "big")
        message: bytes = framed[_LENGTH_BYTES : _LENGTH_BYTES + length].tobytes()
        return message

    def _half(self) -> Words:
        half: Words = self._memory.ledger[self._memory.read(Word.ACTIVE)]
        return half
