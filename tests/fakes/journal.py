"""A journal in memory, whose answers a test writes down beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from edge_inspector.core.errors import JournalError
from edge_inspector.core.journal import Entry, Kept


class FakeJournal:
    """Takes every row at once, unless its script says otherwise. Rows outlive a loop, as a file does."""

    def __init__(self, script: Iterable[Kept | JournalError] = ()) -> None:
        self._script = iter(script)
        self.rows: list[Entry] = []
        self.refused: list[Entry] = []
        self.durable_seq = 0
        self.trouble = self.warning = ""
        self.is_quick = True
        self.probes = 0
        self.is_closed = self.is_gone = False

    def then(self, *script: Kept | JournalError) -> None:
        """Answer so to what comes next, before what the script says."""
        self._script = chain(script, self._script)

    def append(self, entry: Entry) -> Kept | Entry:
        if self.rows and entry.counts.seq == self.rows[-1].counts.seq:
            return self.rows[-1]
        answer = next(self._script, Kept.QUICK)
        if isinstance(answer, JournalError):
            raise answer
        if answer is Kept.NOT:
            self.trouble = "the fake disk is full"
            self.refused.append(entry)
            return answer
        assert entry.counts.seq == len(self.rows) + 1
        self.trouble = ""
        self.rows.append(entry)
        return answer

    def probe(self) -> bool:
        self.probes += 1
        return self.is_quick

    def check(self) -> None:
        if self.is_gone:
            raise JournalError("the fake journal was taken away")

    def close(self) -> None:
        self.is_closed = True
        self.durable_seq = len(self.rows)
