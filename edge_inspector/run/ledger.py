"""The ledger of an epoch: which parts have their verdict, how many of each, and the newest messages.

Two halves and a word that says which one is valid: a verdict is written into the other half, then the word flips.
A kill at any moment leaves a whole ledger, with the verdict or without it. Since every trigger gets exactly one
record and every record exactly one verdict, seq, parts judged and ring position are the same number.

The message of verdict n lies in place n modulo the size of the outbox before n counts. A killed process may have
taken with it what ZeroMQ had not sent yet, so a successor sends the newest ones again.
"""

from __future__ import annotations

from edge_inspector.core.verdict import Outcome, Totals
from edge_inspector.run.memory import OUTBOX_BYTES, OUTBOX_MESSAGES, LineMemory, Word, Words

SEQ, PASSES, REJECTS, UNKNOWNS, LATES = range(5)
_LENGTH_BYTES = 4
_COLUMN = {Outcome.PASS: PASSES, Outcome.REJECT: REJECTS, Outcome.UNKNOWN: UNKNOWNS}


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
        if len(message) > OUTBOX_BYTES - _LENGTH_BYTES:
            raise ValueError(f"verdict message of {len(message)} bytes is over {OUTBOX_BYTES - _LENGTH_BYTES}")
        active = self._memory.read(Word.ACTIVE)
        spare = self._memory.ledger[1 - active]
        spare[:] = self._memory.ledger[active]
        spare[SEQ] += 1
        spare[_COLUMN[outcome]] += 1
        spare[LATES] += int(is_late)
        framed = len(message).to_bytes(_LENGTH_BYTES, "big") + message
        self._memory.outbox[int(spare[SEQ]) % OUTBOX_MESSAGES, : len(framed)] = bytearray(framed)
        self._memory.write(Word.ACTIVE, 1 - active)

    def newest(self) -> list[bytes]:
        """Return the newest messages in order; empty before the first verdict.

        One fewer than the outbox holds: a kill may have come while the next one was written over the oldest.
        """
        seq = self.seq
        return [self._message(n) for n in range(max(1, seq - OUTBOX_MESSAGES + 2), seq + 1)]

    def _message(self, seq: int) -> bytes:
        framed = self._memory.outbox[seq % OUTBOX_MESSAGES]
        length = int.from_bytes(framed[:_LENGTH_BYTES].tobytes(), "big")
        message: bytes = framed[_LENGTH_BYTES : _LENGTH_BYTES + length].tobytes()
        return message

    def _half(self) -> Words:
        half: Words = self._memory.ledger[self._memory.read(Word.ACTIVE)]
        return half
