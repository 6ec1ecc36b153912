"""Which run of numbers goes on, and from where: decided by main, while nobody writes the journal.

At the start of the daemon, and again when the process that writes has ended because of the journal itself.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from edge_inspector.core.errors import JournalError
from edge_inspector.core.journal import Counts
from edge_inspector.signal.journal_files import (
    Label,
    SegmentDamaged,
    SegmentFile,
    check_segment,
    make_segment,
    next_ordinal,
    read_segment,
    remove_segment,
    segment_files,
    set_aside,
    sweep,
)
from edge_inspector.signal.journal_segment import Leftover

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MAX_SEQ = 2**53 - 1
"""Largest number that every reader of JSON can hold."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the part numbers' own file says of the former run, whatever became of the journal."""

    epoch: int
    offset: int
    """part_id - seq of every verdict of that run."""
    judged_below: int
    """Every part number below it had its verdict, so its row was committed."""
    given_below: int
    """No part number from here on was given."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that a person and clients should know."""

    name: str
    severity: str
    detail: str
    extra: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Beginning:
    """From where the numbers go on."""

    epoch: int
    run: int
    """Starts of the daemon in this epoch, this one included."""
    counts: Counts
    """Up to the newest row of the epoch; all of them survive a power cut."""
    last_part: int
    """Of the newest row of the former run, in whatever epoch; 0 when no row is known."""
    news: tuple[News, ...] = ()


@dataclass(slots=True)
class _Found:
    """What lies in the folder: the newest epoch."""

    epoch: int | None = None
    label: Label | None = None
    """Of its newest whole segment."""
    counts: Counts = field(default_factory=Counts)
    files: list[SegmentFile] = field(default_factory=list)
    """Those that were read: from the newest back to one with rows before which all are finished."""
    holes: list[tuple[int, int]] = field(default_factory=list)
    """Numbers that are gone while later ones are there: a power cut spares what it likes of what was not synced."""
    damaged: list[str] = field(default_factory=list)


def boot_id() -> str:
    """Return what the kernel calls the time since it was started; a restart of the computer gives another."""
    return _BOOT_ID.read_text().strip()


def begin_journal(folder: Path, line: str, boot: str, known: Known | None) -> Beginning:
    """Look at what a former run left, and make the segment that this run begins with.

    Args:
        folder: Of the journal, locked by this process; made when it is not there.
        line: Name of the line.
        boot: `boot_id()`.
        known: Of the former run; None when nobody knows.

    Raises:
        JournalError: It is another line's, another program's, of a newer version; or the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        found = _look(folder, line)
        why = _why_anew(found, boot, known)
        if why is None:
            return _go_on(folder, line, boot, found)
        return _anew(folder, line, boot, found, known, why)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(
            f"journal {folder} cannot be used: {error}; free the disk, make it writable, or set journal.folder"
        ) from error


def renew_journal(folder: Path, line: str, boot: str, epoch: int, counts: Counts) -> Beginning | None:
    """Set aside what is damaged and begin a new epoch; None when the journal is in order and can go on.

    Args:
        folder: Of the journal; nobody writes it now.
        line: Name of the line.
        boot: `boot_id()`.
        epoch: Of this run.
        counts: Up to the newest verdict that this run counted.

    Raises:
        OSError: The disk refuses: try again later.
        sqlite3.Error: The same.
    """
    found = _look(folder, line)
    # One more than counted: the writer was killed between the two.
    if found.epoch == epoch and not found.damaged and found.counts.seq - counts.seq in (0, 1):
        return None
    why = "; ".join(found.damaged) or f"it holds seq {found.counts.seq} of {counts.seq}"
    known = Known(epoch, counts.part_id - counts.seq, counts.part_id + 1, counts.part_id + 1)
    return _anew(folder, line, boot, found, known, why)


def _look(folder: Path, line: str) -> _Found:
    found, files = _Found(), segment_files(folder)
    if not files:
        return found
    found.epoch = files[-1].epoch
    ours = [file for file in files if file.epoch == found.epoch]
    later_seq = 0
    while ours:
        file = ours.pop()
        try:
            facts = read_segment(file)
            check_segment(file)
        except SegmentDamaged as damage:
            found.damaged.append(f"{damage} (kept as {set_aside(file)})")
            continue
        _demand_line(folder, line, facts.label)
        found.files.append(file)
        found.label = found.label or facts.label
        if not facts.first_seq:
            continue
        if not later_seq:
            found.counts = facts.counts
        elif facts.counts.seq + 1 < later_seq:
            found.holes.append((facts.counts.seq + 1, later_seq - 1))
        later_seq = facts.first_seq
        if not any(each.beside("-wal").exists() for each in ours):
            break
    return found


def _demand_line(folder: Path, line: str, label: Label) -> None:
    if label.line != line:
        raise JournalError(
            f"{folder} is the journal of line {label.line}, not of {line}; set another journal.folder, or move it "
            "away to begin a new one"
        )


def _why_anew(found: _Found, boot: str, known: Known | None) -> str | None:
    """Return why a new epoch must begin; None when the found one goes on."""
    if found.damaged:
        return "; ".join(found.damaged)
    if found.label is None:
        return "there was none"
    if not found.label.is_clean and found.label.boot_id != boot:
        return "the computer was restarted before the line had ended in good order"
    if found.holes:
        return f"rows {', '.join(f'{first} to {last}' for first, last in found.holes)} are missing"
    if known is not None and known.epoch != found.epoch:
        return f"it holds epoch {found.epoch:08x}, the line was at {known.epoch:08x}"
    if known is not None and known.judged_below - 1 - known.offset > found.counts.seq:
        return f"it ends at seq {found.counts.seq}, the line was at {known.judged_below - 1 - known.offset}"
    return None


def _go_on(folder: Path, line: str, boot: str, found: _Found) -> Beginning:
    assert found.label is not None
    for file in found.files:
        Leftover(file).sync()  # a killed process may have committed more than it had synced
    label = Label(line, found.label.epoch, found.label.run + 1, boot)
    made = make_segment(folder, next_ordinal(folder), label)
    _drop_empty(found.files, keep=made)
    return Beginning(label.epoch, label.run, found.counts, found.counts.part_id)


def _anew(folder: Path, line: str, boot: str, found: _Found, known: Known | None, why: str) -> Beginning:
    used = {file.epoch for file in segment_files(folder)} | {found.epoch, known.epoch if known else 0, 0}
    epoch = next(each for each in iter(lambda: secrets.randbelow(2**32), None) if each not in used)
    made = make_segment(folder, next_ordinal(folder), Label(line, epoch, 1, boot))
    _drop_empty(found.files, keep=made)
    news = list(_tail_lost(found, known, why))
    if found.damaged:
        news.append(News("journal_damaged", "error", f"{'; '.join(found.damaged)}; a new epoch begins"))
    return Beginning(epoch, 1, Counts(), found.counts.part_id, tuple(news))


def _tail_lost(found: _Found, known: Known | None, why: str) -> Iterable[News]:
    """Say which numbers of the former epoch may have been sent and are gone: at most, since nobody counted them."""
    if known is None and found.epoch is None:
        return
    epoch = known.epoch if known is not None else found.epoch
    ranges = list(found.holes) if found.epoch == epoch else []
    kept = found.counts.seq if found.epoch == epoch else 0
    last = known.given_below - 1 - known.offset if known is not None else MAX_SEQ
    if last > kept:
        ranges.append((kept + 1, last))
    for first, last in ranges:
        detail = f"a new epoch begins: {why}; verdicts {first} to at most {last} of epoch {epoch} are gone"
        yield News("tail_lost", "error", detail, {"of_epoch": epoch, "range": [first, last]})


def _drop_empty(files: Iterable[SegmentFile], keep: SegmentFile) -> None:
    """Delete segments in which nothing was ever written; their epoch goes on in another."""
    for file in files:
        if file != keep and not read_segment(file).first_seq:
            remove_segment(file)
