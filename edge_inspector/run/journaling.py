"""Law 2 in the loop: a verdict is sent when its row was committed in time, otherwise the line is not ready.

Owned by the loop's thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.journal import Counts, Entry, Kept
from edge_inspector.core.verdict import Outcome
from edge_inspector.run.handover import NoteSender
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import OUTBOX_BYTES, LineMemory, Word

_MS = 1_000_000
RETRY_NS = 20 * _MS
"""A row that was refused is tried again after so long: a tenth of a lease is soon enough, and no disk minds it."""
PROBE_NS = 100 * _MS
"""While there is a fault and no row to try, the journal is tried with something that is none."""
STEADY_NS = 1000 * _MS
"""So long nothing may have gone wrong before the line is ready again: a gate that is armed and disarmed twenty times
a second serves nobody."""


class Journal(Protocol):
    """Where rows are committed; used by the loop's thread alone. Every call but `close` may raise JournalError."""

    @property
    def durable_seq(self) -> int:
        """Rows up to here survive a power cut."""
        ...

    @property
    def trouble(self) -> str:
        """Why the last row was not taken, or not in time; empty while rows are."""
        ...

    @property
    def warning(self) -> str:
        """What the disk refuses beside rows (a sync, a new segment); empty while it obeys."""
        ...

    def append(self, entry: Entry) -> Kept | Entry:
        """Commit a row; returns what became of it, or the one that a killed predecessor committed in its place."""
        ...

    def probe(self) -> bool:
        """Return whether a commit would be quick enough now."""
        ...

    def check(self) -> None:
        """Raise JournalError when what was written is no longer there."""
        ...

    def close(self) -> None:
        """End in good order, synced; what refuses is logged."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """A verdict whose row is in the journal."""

    outcome: Outcome
    is_late: bool
    message: bytes
    may_send: bool
    """It was committed in time."""
    is_former: bool = False
    """A killed predecessor committed it: for the record, never for the gate."""


class Journaling:
    """Commits rows, and knows whether the line may be ready."""

    def __init__(self, journal: Journal, memory: LineMemory, notes: NoteSender) -> None:
        """Prepare; no fault."""
        self._journal, self._memory, self._notes, self._ledger = journal, memory, notes, Ledger(memory)
        self._bad_ns = self._tried_ns = 0
        self._began_ns = 0
        self._n_unsent, self._unsent = 0, (0, 0)
        self._warning = ""
        self.is_fault = False
        self.is_waiting = False
        """A verdict waits until the journal takes its row."""

    @property
    def durable_seq(self) -> int:
        """Rows up to here survive a power cut; never goes back, whoever writes."""
        durable_seq = max(self._journal.durable_seq, self._memory.read(Word.DURABLE_SEQ))
        self._memory.write(Word.DURABLE_SEQ, durable_seq)
        return durable_seq

    @property
    def retry_s(self) -> float:
        """When the row that waits should be tried again."""
        return max(0.0, (self._tried_ns + RETRY_NS - monotonic_ns()) / 1e9)

    def keep(self, part_id: int, outcome: Outcome, is_late: bool, message: bytes) -> Row | None:
        """Commit the row of the next verdict.

        Returns:
            The verdict that counts; None when there is no row and its number is still free: ask again.

        Raises:
            JournalError: The journal cannot be gone on with.
            ValueError: The message is larger than the outbox: it could never be entered.
        """
        if len(message) > OUTBOX_BYTES - 4:
            raise ValueError(f"verdict message of {len(message)} bytes is over {OUTBOX_BYTES - 4}")
        before, after = self._ledger.counts(part_id), self._ledger.counts(part_id, outcome, is_late)
        self._tried_ns = monotonic_ns()
        kept = self._journal.append(Entry(after, message))
        self.is_waiting = kept is Kept.NOT
        if isinstance(kept, Entry):
            return _former(before, kept)
        if kept is not Kept.QUICK:
            self._note_bad(kept, after.seq)
        return None if kept is Kept.NOT else Row(outcome, is_late, message, may_send=kept is Kept.QUICK)

    def tend(self, has_backlog: bool) -> None:
        """Look after the fault; with each heartbeat.

        Args:
            has_backlog: Parts wait that came before the fault was over.
        """
        self._journal.check()
        self._warn()
        now_ns = monotonic_ns()
        if not self.is_fault:
            return
        if not self.is_waiting and now_ns - self._tried_ns >= PROBE_NS:
            self._tried_ns = now_ns
            if not self._journal.probe():
                self._bad_ns = now_ns
                return
        if not self.is_waiting and not has_backlog and now_ns - self._bad_ns >= STEADY_NS:
            self._recover(now_ns)

    def close(self) -> None:
        """End in good order: everything synced, and the journal says that it is whole."""
        self._journal.close()

    def _note_bad(self, kept: Kept, seq: int) -> None:
        now_ns = self._bad_ns = monotonic_ns()
        word = Word.ROWS_REFUSED if kept is Kept.NOT else Word.ROWS_LATE
        self._memory.write(word, self._memory.read(word) + 1)
        if kept is Kept.SLOW:
            self._unsent = (self._unsent[0] if self._n_unsent else seq, seq)
            self._n_unsent += 1
        if self.is_fault:
            return
        self.is_fault, self._began_ns = True, now_ns
        detail = f"the journal does not keep up: {self._journal.trouble}; nothing is sent that it does not have"
        self._tell("journal_fault", "error", detail)

    def _recover(self, now_ns: int) -> None:
        self.is_fault = False
        took_s = (now_ns - self._began_ns) / 1e9
        detail = f"after {took_s:.1f} s; every part has its verdict"
        if self._n_unsent:
            first, last = self._unsent
            detail += f"; {self._n_unsent} verdicts from seq {first} to {last} were not sent: replay them"
        self._tell("journal_recovered", "info", detail)
        self._n_unsent = 0

    def _warn(self) -> None:
        warning = self._journal.warning
        if warning != self._warning:
            self._warning = warning
            severity, what = ("warning", warning) if warning else ("info", "the disk obeys again")
            self._tell("journal_warning", severity, what)

    def _tell(self, name: str, severity: str, detail: str) -> None:
        self._notes.offer({"kind": "event", "name": name, "severity": severity, "detail": detail})


def _former(before: Counts, entry: Entry) -> Row:
    counts = entry.counts
    grown = {
        Outcome.PASS: counts.passes - before.passes,
        Outcome.REJECT: counts.rejects - before.rejects,
        Outcome.UNKNOWN: counts.unknowns - before.unknowns,
    }
    (outcome,) = [outcome for outcome, more in grown.items() if more]
    return Row(outcome, counts.lates > before.lates, entry.message, may_send=False, is_former=True)
