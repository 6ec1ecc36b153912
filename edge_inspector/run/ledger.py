"""The ledger of an epoch: which parts have their verdict, how many of each, and the newest message.

Two halves and a word that says which one is valid: a verdict is written into the other half, then the word flips.
A kill at any moment leaves a whole ledger, with the verdict or without it. Since every trigger gets exactly one
record and every record exactly one verdict, seq, parts judged and ring position are the same number.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_inspector.core.verdict import Outcome, Totals
from edge_inspector.run.memory import OUTBOX_BYTES, LineMemory, Word, Words

SEQ, PASSES, REJECTS, UNKNOWNS, LATES, OUTBOX_LENGTH = range(6)
_COLUMN = {Outcome.PASS: PASSES, Outcome.REJECT: REJECTS, Outcome.UNKNOWN: UNKNOWNS}


@dataclass(frozen=True, slots=True)
class Unsent:
    """A verdict that was entered but perhaps not sent before a kill."""

    seq: int
    message: bytes


class Ledger:
    """Readable from every process of the line; written by the inspect process alone."""

    def __init__(self, memory: LineMemory) -> None:
        self._memory = memory

    @property
    def seq(self) -> int:
        """Number of the newest verdict, 0 for none: also the count of parts that have one."""
        return int(self._half()[SEQ])

    def totals(self) -> Totals:
        """Return the counts of the epoch; safe while the inspect process writes."""
        while True:
            active = self._memory.read(Word.ACTIVE)
            row = self._memory.ledger[active].copy()
            # Triggers are read after the verdicts, so in_flight is never seen negative.
            triggers = self._memory.read(Word.TRIGGERS)
            if self._memory.read(Word.ACTIVE) == active and int(self._memory.ledger[active, SEQ]) == int(row[SEQ]):
                counts = (int(row[PASSES]), int(row[REJECTS]), int(row[UNKNOWNS]), int(row[LATES]))
                return Totals(triggers, *counts)

    def enter(self, outcome: Outcome, is_late: bool, message: bytes) -> None:
        """Enter the next verdict with the message that will carry it; after this it counts, whatever happens.

        Raises:
            ValueError: The message is larger than the outbox.
        """
        if len(message) > OUTBOX_BYTES:
            raise ValueError(f"verdict message of {len(message)} bytes is over {OUTBOX_BYTES}")
        active = self._memory.read(Word.ACTIVE)
        spare = self._memory.ledger[1 - active]
        spare[:] = self._memory.ledger[active]
        spare[SEQ] += 1
        spare[_COLUMN[outcome]] += 1
        spare[LATES] += int(is_late)
        spare[OUTBOX_LENGTH] = len(message)
        self._memory.outbox[1 - active, : len(message)] = bytearray(message)
        self._memory.write(Word.ACTIVE, 1 - active)

    def mark_sent(self) -> None:
        """Note that the newest verdict was handed to ZeroMQ."""
        self._memory.write(Word.SENT, self.seq)

    def unsent(self) -> Unsent | None:
        """Return the newest verdict if a killed predecessor may not have sent it; None when all are sent."""
        if self._memory.read(Word.SENT) == self.seq:
            return None
        active = self._memory.read(Word.ACTIVE)
        length = int(self._memory.ledger[active, OUTBOX_LENGTH])
        return Unsent(self.seq, self._memory.outbox[active, :length].tobytes())

    def _half(self) -> Words:
        half: Words = self._memory.ledger[self._memory.read(Word.ACTIVE)]
        return half
