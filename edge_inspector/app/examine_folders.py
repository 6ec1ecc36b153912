"""Checks of the folders that a line writes to. Beside a running line nothing is written but in the evidence folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from edge_inspector.app.patient import Answers, Patient
from edge_inspector.app.planning import journal_plan
from edge_inspector.core.errors import EdgeInspectorError
from edge_inspector.doctor.folders import (
    MB,
    MOST_FILES,
    disk_row,
    missing_row,
    nearest,
    room_row,
    used_bytes,
    user,
    write_row,
)
from edge_inspector.doctor.permissions import owner
from edge_inspector.doctor.row import Row
from edge_inspector.signal.journal_files import SegmentDamaged, SegmentFile, check_segment, read_segment, segment_files

_HAS_LOG = b"\x02\x02"
"""Bytes 18 and 19 of a database whose writer keeps a log beside it (sqlite.org/fileformat2.html)."""


def state(patient: Patient) -> Iterator[Row]:
    """Look at the folder of what must survive a restart."""
    folder = patient.settings.state_dir
    with patient.as_service():
        if (missing := missing_row("state", folder)) is not None:
            yield missing
            return
        who = user()
    if patient.main is not None:
        yield Row.ok("state", f"{folder} of {owner(folder)}: held by process {patient.main}")
    else:
        yield Row.ok("state", f"{folder} of {owner(folder)}: no daemon holds it, {who} would")
        with patient.as_service():
            yield write_row("state", folder)
    yield disk_row("state disk", folder)


def journal(patient: Patient) -> Iterator[Row]:
    """Look at the newest segment, and at the room that the next ones need."""
    plan = journal_plan(patient.settings)
    if (missing := missing_row("journal", plan.folder)) is not None:
        yield missing
        return
    yield _newest(patient)
    if isinstance(patient.answers, Answers) and (beat := patient.answers.heartbeat):
        yield _durable(beat["head_seq"], beat["durable_seq"], "journal" in beat["faults"])
    used = sum(file.n_bytes() for file in segment_files(plan.folder))
    yield room_row("journal room", plan.folder, used, plan.max_bytes, 0)
    if not _is_with_state(patient, plan.folder):
        yield disk_row("journal disk", plan.folder)


def _newest(patient: Patient) -> Row:
    files = segment_files(journal_plan(patient.settings).folder)
    if not files:
        return Row.ok("journal", "no segment yet; the first start makes it")
    newest = next((file for file in reversed(files) if not _would_write(file)), None)
    if newest is None:
        return Row.note("journal", f"{files[-1].path} was left by a kill: to read it would write to it", "nothing; the "
                        "next start reads it")  # fmt: skip
    try:
        facts = read_segment(newest)
        before = files[max(0, files.index(newest) - 1)]
        if not facts.first_seq and not _would_write(before):  # it was made ahead
            newest, facts = before, read_segment(before)
        if patient.main is None:  # a segment that is written to is read by its line all the time
            check_segment(newest)
    except SegmentDamaged as error:
        return Row.warning("journal", f"the newest segment is damaged: {error}", "nothing; the next start sets it "
                           "aside and begins a new epoch, and clients are told what they cannot get")  # fmt: skip
    except sqlite3.Error as error:
        return Row.warning("journal", f"{newest.path} cannot be read just now: {error}", "ask again")
    except EdgeInspectorError as error:
        return Row.of("journal", error)
    if facts.label.line != patient.settings.line:
        return Row.failed(
            "journal", f"{newest.path} is of line {facts.label.line}", "give each line a folder of its own"
        )
    rows = f"verdicts {facts.first_seq} to {facts.counts.seq}" if facts.first_seq else "no verdict yet"
    how = "" if patient.main is not None else ", whole" + ("" if facts.label.is_clean else "; the last run was killed")
    return Row.ok("journal", f"{len(files)} segments; the newest, {newest.path.name}: {rows}{how}")


def _would_write(file: SegmentFile) -> bool:
    """Whether SQLite would make files beside a segment to read it: it has a log, or may have one, and no index."""
    if file.beside("-shm").exists():
        return False
    with suppress(OSError), open(file.path, "rb") as head:
        return head.read(20)[18:20] == _HAS_LOG
    return False  # it cannot be read at all, and that is told


def _durable(head_seq: int, durable_seq: int, is_fault: bool) -> Row:
    seen = f"verdicts up to {durable_seq} of {head_seq} survive a power cut"
    if is_fault:
        return Row.failed(
            "journal", f"{seen}; the line says that its disk takes no verdicts", "free the disk; see its log"
        )
    return Row.ok("journal", seen)


def evidence(patient: Patient) -> Iterator[Row]:
    """Write, sync and remove a file in the evidence folder, and compare what is in it with its limits."""
    settings = patient.settings.evidence
    if settings is None:
        yield Row.note("evidence", "none is kept (no section evidence)")
        return
    folder = settings.folder
    if (missing := missing_row("evidence", folder)) is not None:
        yield missing
        return
    yield write_row("evidence", folder)
    n_bytes, n_files = used_bytes(folder)
    at_least = "at least " if n_files >= MOST_FILES else ""
    row = room_row("evidence room", folder, n_bytes, settings.quota_mb * MB, settings.min_free_mb * MB)
    yield Row(row.name, row.status, f"{at_least}{n_files} files; {row.seen}", row.next, row.exit_code)
    if not _is_with_state(patient, folder):
        yield disk_row("evidence disk", folder)


def _is_with_state(patient: Patient, folder: Path) -> bool:
    """Whether a folder is on the disk of the state folder, which has a row already."""
    return folder.stat().st_dev == nearest(patient.settings.state_dir).stat().st_dev
