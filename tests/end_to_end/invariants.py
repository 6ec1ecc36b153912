"""What must hold of a line after any fault, from files and counts alone: its journal, what one consumer took, and what
its source counted."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import bodies
import yaml
from daemon import FRAME_HW, Line, Listener
from witness import LATE, REJECT, read_head

from benchmarks.account import SEGMENT, Account, Taken, Triggers, account, digest_of, read_journal


def broken_rules(
    journal: Path, log: Iterable[Taken], triggers: Triggers, *, deadline_ms: float | None = None
) -> list[str]:
    """Return every rule that a line broke, in words; empty when all hold.

    Every trigger has one row, PASS, REJECT or UNKNOWN, or was announced as lost; numbers have no gap in an epoch; the
    consumer has what the journal has, and nothing else; no row passes or rejects without a finite score; none
    but UNKNOWN is late, or later than the deadline.

    Args:
        journal: Its folder, of a line that has ended. Nothing may have been dropped for want of room.
        log: What one consumer took, live or replayed.
        triggers: What the source counted, and what the line said to be lost.
        deadline_ms: Of the line's configuration; None without.
    """
    found = account(read_journal(journal), log, triggers)
    return [*wrong_in(found), *broken_rows(journal, deadline_ms)]


def wrong_in(found: Account) -> list[str]:
    """Return what is wrong with an account, in words."""
    return [*found.lost, *found.duplicate, *found.unjournaled, *found.law_1]


def broken_rows(journal: Path, deadline_ms: float | None = None) -> list[str]:
    """Return what is wrong with the rows of a journal by themselves: gaps, bodies, verdicts without a judgement."""
    wrong, seqs = [], defaultdict(list)
    for epoch, seq, header, raw in _rows(journal):
        seqs[epoch].append(seq)
        try:
            body = bodies.parse(raw)
        except ValueError as error:
            wrong.append(f"seq {seq}: {error}")
            continue
        wrong += [f"seq {seq}: {what}" for what in _faults_of(header, body, deadline_ms)]
    for epoch, given in seqs.items():
        if given != list(range(given[0], given[0] + len(given))):
            wrong.append(f"a gap in the numbers of epoch {epoch:08x}")
    return wrong


def broken_at_the_end(line: Line) -> list[str]:
    """Return what a line broke, as far as it can be told from outside of its test: by its journal and its witnesses.

    A witness may have come late or been stalled, and old segments may be gone: nothing is asked for that is missing.
    What was heard must be in the journal word for word, unless the journal of that epoch is gone as a whole.
    """
    folder = Path(yaml.safe_load(line.config.read_text())["journal"]["folder"])
    rows, wrong = read_journal(folder), broken_rows(folder)
    epochs = {row.key[0] for row in rows}
    for listener in line.listeners:
        log = [taken for taken in taken_by(listener) if taken.key[0] in epochs]
        found = account(rows, log, Triggers((), ()))
        wrong += [f"{listener.out.name}: {what}" for what in (*found.duplicate, *found.unjournaled)]
    return wrong


def taken_by(listener: Listener) -> list[Taken]:
    """Return what a witness has of verdicts, each once: as a consumer keeps it that drops what it has."""
    taken: dict[tuple[int, int], Taken] = {}
    for record in listener.records():
        row = json.loads(record)
        if "frames" not in row:
            continue
        topic, header, body = (bytes.fromhex(frame) for frame in row["frames"])
        if topic.endswith(b".verdict"):
            head = read_head(header)
            key = (head.epoch, head.seq)
            taken.setdefault(key, Taken(key, not head.flags & 1, digest_of(header, json.loads(body))))
    return list(taken.values())


def announced_by(listener: Listener) -> tuple[tuple[int, int], ...]:
    """Return the ranges of parts that a witness heard announced as lost."""
    events = (message.body for message in listener.messages("event"))
    return tuple((event["range"][0], event["range"][1]) for event in events if event["name"] == "parts_lost")


def _faults_of(header: bytes, body: dict[str, Any], deadline_ms: float | None) -> Iterator[str]:
    yield from bodies.check("verdict", body, FRAME_HW)
    head = read_head(header)
    yield from bodies.header_differences(head, body)
    if body["verdict"] == "UNKNOWN":
        return
    if head.flags & LATE:
        yield f"{body['verdict']}, but late"
    if deadline_ms is not None and body["latency_us"] > deadline_ms * 1000:
        yield f"{body['verdict']} after {body['latency_us']} us, deadline {deadline_ms:g} ms"
    if body["verdict"] == "PASS" and head.flags & REJECT:
        yield "PASS with the reject flag"


def _rows(journal: Path) -> Iterator[tuple[int, int, bytes, bytes]]:
    for path in sorted(journal.iterdir()):
        if (name := SEGMENT.fullmatch(path.name)) is None:
            continue
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT seq, header, body FROM verdicts ORDER BY seq").fetchall()
        yield from ((int(name[1], 16), seq, header, body) for seq, header, body in rows)
