"""Whether journal, consumer and source agree: read offline, from what each of them wrote for itself.

The journal is read from its files. A consumer's log is one JSON object a line: `{"frames": [topic, header, body]}` in
hexadecimal, as it heard them, or the body of a message as `edge-inspector watch --json` writes it. A source's log is
one part number a line, or their count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_inspector.client.wire import Flag, Header
from edge_inspector.signal.journal_files import SegmentDamaged, reading, segment_files

Key = tuple[int, int]
"""(epoch, seq)."""
SHOWN = 5
"""Examples named of each kind of finding."""


@dataclass(slots=True)
class JournalRows:
    """What the journal holds."""

    bodies: dict[Key, bytes] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)

    def spans(self) -> dict[int, tuple[int, int]]:
        """Return the first and last seq of each epoch."""
        found: dict[int, tuple[int, int]] = {}
        for epoch, seq in self.bodies:
            first, last = found.get(epoch, (seq, seq))
            found[epoch] = min(first, seq), max(last, seq)
        return found


@dataclass(slots=True)
class Heard:
    """What a consumer wrote down."""

    bodies: dict[Key, dict[str, Any]] = field(default_factory=dict)
    live: set[Key] = field(default_factory=set)
    twice: list[Key] = field(default_factory=list)
    """Heard live more than once."""
    differing: list[Key] = field(default_factory=list)
    """Heard with different content."""
    lost_parts: list[tuple[int, int]] = field(default_factory=list)
    """Announced: these parts may have no verdict."""
    lost_rows: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """Announced, by epoch: these numbers are gone."""


def read_journal(folder: Path) -> JournalRows:
    """Return every row that is kept; a journal in use may be read as well."""
    rows = JournalRows()
    for file in segment_files(folder):
        try:
            with reading(file) as connection:
                for seq, body in connection.execute("SELECT seq, body FROM verdicts ORDER BY seq"):
                    rows.bodies[(file.epoch, seq)] = body
        except SegmentDamaged as damage:
            rows.damaged.append(str(damage))
    return rows


def read_heard(lines: Iterable[str]) -> Heard:
    """Return what a consumer's log says; lines that are no message are left out."""
    heard = Heard()
    for line in lines:
        row = json.loads(line)
        row.pop("kind", None)
        is_live = not row.pop("flags", 0) & Flag.REPLAYED
        if "frames" in row:
            frames = [bytes.fromhex(frame) for frame in row["frames"]]
            is_live = not Header.parse(frames[1]).flags & Flag.REPLAYED
            row = json.loads(frames[2])
        if "verdict" in row:
            _note_verdict(heard, row, is_live)
        elif row.get("name") == "parts_lost":
            heard.lost_parts.append((row["range"][0], row["range"][1]))
        elif row.get("name") == "tail_lost":
            heard.lost_rows.setdefault(row["of_epoch"], []).append((row["range"][0], row["range"][1]))
    return heard


def _note_verdict(heard: Heard, body: dict[str, Any], is_live: bool) -> None:
    key = body["epoch"], body["seq"]
    if heard.bodies.setdefault(key, body) != body:
        heard.differing.append(key)
    if is_live:
        if key in heard.live:
            heard.twice.append(key)
        heard.live.add(key)


def read_triggers(text: str) -> set[int] | int:
    """Return the part numbers of a source's log, one a line; their count, when the text is one number alone."""
    numbers = [int(line) for line in text.split()]
    return numbers[0] if len(numbers) == 1 else set(numbers)


def disagreements(
    rows: JournalRows, heard: Heard | None = None, triggers: set[int] | int | None = None, *, is_all: bool = False
) -> list[str]:
    """Return in words what does not agree; empty when everything does.

    Args:
        rows: Of the journal.
        heard: By a consumer; None leaves it out.
        triggers: Part numbers that the source counted, or how many; None leaves them out.
        is_all: The consumer claims to have everything that is kept.
    """
    found = [f"damaged: {what}" for what in rows.damaged]
    found += _of_journal(rows)
    if heard is not None:
        found += _of_consumer(rows, heard, is_all)
    if triggers is not None:
        found += _of_source(rows, heard or Heard(), triggers)
    return found


def _of_journal(rows: JournalRows) -> Iterable[str]:
    parts: dict[int, Key] = {}
    twice = []
    for key, text in rows.bodies.items():
        body = json.loads(text)
        if (body["epoch"], body["seq"]) != key:
            yield f"row {key} holds the verdict {(body['epoch'], body['seq'])}"
        if (former := parts.setdefault(body["part_id"], key)) != key:
            twice.append((body["part_id"], former, key))
    yield from _told("parts with two verdicts", twice)
    for epoch, (first, last) in rows.spans().items():
        holes = [seq for seq in range(first, last + 1) if (epoch, seq) not in rows.bodies]
        yield from _told(f"numbers missing in the journal within epoch {epoch}", holes)


def _of_consumer(rows: JournalRows, heard: Heard, is_all: bool) -> Iterable[str]:
    yield from _told("verdicts heard live twice", heard.twice)
    yield from _told("verdicts heard with different contents", heard.differing)
    spans = rows.spans()
    unkept, changed = [], []
    for key, body in heard.bodies.items():
        epoch, seq = key
        if key in rows.bodies:
            changed += [key] if json.loads(rows.bodies[key]) != body else []
        elif seq >= spans.get(epoch, (0, 0))[0] and not _is_within(seq, heard.lost_rows.get(epoch, [])):
            unkept.append(key)  # below the tail rows are deleted; above it each one must be there
    yield from _told("verdicts heard and not in the journal", unkept)
    yield from _told("verdicts heard otherwise than they are in the journal", changed)
    if is_all:
        yield from _told(
            "verdicts in the journal that were not heard", [key for key in rows.bodies if key not in heard.bodies]
        )


def _of_source(rows: JournalRows, heard: Heard, triggers: set[int] | int) -> Iterable[str]:
    judged = {json.loads(text)["part_id"] for text in rows.bodies.values()} | {
        body["part_id"] for body in heard.bodies.values()
    }
    if isinstance(triggers, int):
        if len(judged) != triggers:
            yield f"the source counted {triggers} triggers, {len(judged)} parts have a verdict"
        return
    without = [part for part in triggers - judged if not _is_within(part, heard.lost_parts)]
    yield from _told("triggers without a verdict that nobody announced", sorted(without))
    yield from _told("verdicts of parts that the source did not count", sorted(judged - triggers))


def _is_within(number: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= number <= last for first, last in ranges)


def _told(what: str, cases: list[Any]) -> Iterable[str]:
    if cases:
        named = ", ".join(map(str, cases[:SHOWN]))
        yield f"{len(cases)} {what}: {named}{', ...' if len(cases) > SHOWN else ''}"
