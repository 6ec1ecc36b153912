"""The journal as main sees it: which run of numbers goes on, and what people and clients must be told of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_inspector.app.planning import journal_plan
from edge_inspector.core.errors import JournalError, ProcessError
from edge_inspector.core.logs import get_log
from edge_inspector.run.folder_lock import FolderLock
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraWord, LineMemory, Word
from edge_inspector.run.part_numbers import LostRange, PartNumbers
from edge_inspector.settings.line import LineSettings
from edge_inspector.signal.journal import Beginning, Known, News, begin_journal, boot_id, renew_journal

log = get_log(__name__)

GENERATIONS_A_RUN = 1_000_000
"""An encoder's generation rises over a restart within an epoch, however often it rose before: a camera that is armed
again four times a second needs three days for so many."""


class LineJournal:
    """Decides from where the numbers go on, while no inspect process lives. Owned by main's loop."""

    def __init__(self, settings: LineSettings, memory: LineMemory) -> None:
        """Lock the journal's folder; `begin` decides.

        Raises:
            ProcessError: Another daemon uses the folder, or it cannot be written.
        """
        self._line, self._folder = settings.line, journal_plan(settings).folder
        self._memory, self._ledger = memory, Ledger(memory)
        self._lock = FolderLock(self._folder, "journal.folder")
        self._is_suspect = False
        self.news: list[News] = []
        """What is not told yet."""
        self._losses: list[dict[str, Any]] = []
        """What this run announces, as it is kept for the next one."""

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    def begin(self, numbers: PartNumbers) -> None:
        """Decide at the start of the daemon, and keep the first part numbers.

        Raises:
            JournalError: It cannot be used: another's, of a newer program, the disk refuses.
            ProcessError: The part numbers cannot be kept.
        """
        former = numbers.former
        known = None
        if former is not None:
            known = Known(former.epoch, former.offset, former.judged_below, former.given_below)
        began = begin_journal(self._folder, self._line, boot_id(), known)
        self._memory.write(Word.FIRST_PART, numbers.first)
        self.news += _news(numbers.losses)
        self._take_over(began)
        if (lost := _still_lost(numbers.lost, began.last_part)) is not None:
            detail = f"the former run was killed: parts {lost.first} to {lost.last} may have no verdict"
            self.news.append(News("parts_lost", "error", detail, {"range": [lost.first, lost.last]}))
        # With the first numbers, in one write: a run that is killed before anybody heard it leaves it to the next one.
        self._losses = [asdict(news) for news in self.news]
        numbers.begin(began.epoch, self._offset(), self._losses)
        self._memory.write(Word.PART_MARK, numbers.mark)
        for camera in self._memory.cameras:
            camera.write(CameraWord.ENCODER_GENERATION, (began.run - 1) * GENERATIONS_A_RUN)

    def suspect(self) -> None:
        """Have the next `settle` look whether the journal can be gone on with."""
        self._is_suspect = True

    def settle(self, numbers: PartNumbers, begin_epoch: Callable[[int], None]) -> None:
        """Before an inspect process is started: set aside what its predecessor could not go on with.

        Args:
            numbers: Of the line.
            begin_epoch: Told of a new epoch.
        """
        if not self._is_suspect:
            return
        counts = self._ledger.counts(self._memory.read(Word.FIRST_PART) + self._ledger.seq - 1)
        try:
            began = renew_journal(self._folder, self._line, boot_id(), self._memory.read(Word.EPOCH), counts)
        except (OSError, sqlite3.Error, JournalError) as error:
            log.error("journal_not_renewed", detail=str(error))  # the process will say what it lacks, and end again
            return
        self._is_suspect = False
        if began is None:
            return
        self._take_over(began)
        self._losses += [asdict(news) for news in began.news]
        begin_epoch(began.epoch)
        totals = self._ledger.totals()
        judged_below, next_part = numbers.first + totals.verdicts, numbers.first + totals.triggers
        try:
            numbers.renew(began.epoch, self._offset(), judged_below, next_part, self._losses)
        except ProcessError as error:
            log.error("part_numbers_not_kept", detail=str(error))  # tried again with the next block

    def tell(self, announce: Callable[..., None]) -> None:
        """Announce what is not told yet; clients that come later are told as well."""
        while self.news:
            news = self.news.pop(0)
            announce(news.name, news.severity, news.detail, news.extra or None, stands=True)

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.close()

    def _take_over(self, began: Beginning) -> None:
        self._ledger.begin_epoch(began.counts)
        self._memory.write(Word.DURABLE_SEQ, began.counts.seq)
        self._memory.write(Word.EPOCH, began.epoch)
        self.news += began.news

    def _offset(self) -> int:
        """Return part_id - seq of each verdict of this run."""
        return self._memory.read(Word.FIRST_PART) - 1 - self._memory.read(Word.SEQ_BASE)


def _still_lost(lost: LostRange | None, last_part: int) -> LostRange | None:
    """Return what has no row in the journal of what may have no verdict."""
    if lost is None or last_part >= lost.last:
        return None
    return LostRange(max(lost.first, last_part + 1), lost.last)


def _news(kept: Iterable[dict[str, Any]]) -> list[News]:
    """Return what a killed run had to announce; what cannot be read any more is left out."""
    found = []
    for each in kept:
        with suppress(KeyError, TypeError, ValueError):
            found.append(News(str(each["name"]), str(each["severity"]), str(each["detail"]), dict(each["extra"])))
    return found
