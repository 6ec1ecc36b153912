"""Whether a line said everything, once, and only what it had written down: compared afterwards, from files alone.

    python -m benchmarks.account --journal state/journal --log taken.log --triggers triggers.jsonl

Needs nothing of the line: it reads the segments with SQLite, read-only.

The log has a line for every verdict that a consumer took: `epoch seq live|replayed digest`, where the digest is
`digest_of` its header and body. The triggers are JSON lines: `{"first": part, "count": n}` for each run of the source,
`{"lost": [first, last]}` for each range of parts that the line announced as lost.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Key = tuple[int, int]
"""Epoch and seq."""
SEGMENT = re.compile(r"\d{8}-([0-9a-f]{8})\.db")
"""A segment of the journal that is not set aside."""
_FLAGS_AT, _REPLAYED = 3, 1
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the journal."""

    key: Key
    part_id: int
    digest: str


@dataclass(frozen=True, slots=True)
class Taken:
    """One verdict that a consumer took."""

    key: Key
    is_live: bool
    digest: str


@dataclass(frozen=True, slots=True)
class Triggers:
    """What the source counted, and what the line said to be lost."""

    runs: tuple[tuple[int, int], ...]
    """First part of each run and how many triggers it had."""
    lost: tuple[tuple[int, int], ...]
    """First and last part of each announced range; numbers in it that were never given do no harm."""


@dataclass(frozen=True, slots=True)
class Account:
    """What was found."""

    rows: int
    taken: int
    live: int
    triggers: int
    announced: int
    """Triggers without a row that the line announced as lost."""
    lost: tuple[str, ...]
    """In the journal, or below its head, and never taken."""
    duplicate: tuple[str, ...]
    """Taken twice, or numbered twice in the journal."""
    unjournaled: tuple[str, ...]
    """Taken, and not in the journal, or otherwise there. What went with an old segment is not asked for."""
    law_1: tuple[str, ...]
    """Triggers with no row and no announcement, with both or with two, and rows without a trigger."""

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.duplicate or self.unjournaled or self.law_1)

    def __str__(self) -> str:
        """In a line each, the first of each kind in words."""
        kinds = {
            "lost": self.lost,
            "duplicate": self.duplicate,
            "sent but not journaled": self.unjournaled,
            "law 1": self.law_1,
        }
        lines = [
            f"{self.triggers} triggers = {self.rows} rows + {self.announced} announced as lost"
            if not self.law_1
            else f"{self.triggers} triggers, {self.rows} rows, {self.announced} announced as lost",
            f"{self.taken} taken, {self.live} of them live",
        ]
        for name, found in kinds.items():
            lines.append(f"{len(found)} {name}")
            lines += [f"  {each}" for each in found[:_SHOWN]]
        return "\n".join(lines)


def digest_of(header: bytes, body: Any) -> str:
    """Return what identifies a verdict, replayed or not: its header without that flag, its body as JSON says it."""
    plain = bytearray(header)
    plain[_FLAGS_AT] &= ~_REPLAYED
    return hashlib.sha256(bytes(plain) + json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def read_journal(folder: Path) -> list[Row]:
    """Return every row of every segment that is not set aside, in order."""
    rows = []
    for path in sorted(folder.iterdir()):
        if (name := SEGMENT.fullmatch(path.name)) is None:
            continue
        epoch = int(name[1], 16)
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT seq, part_id, header, body FROM verdicts ORDER BY seq")
            rows += [Row((epoch, seq), part, digest_of(head, json.loads(body))) for seq, part, head, body in found]
    return rows


def read_log(path: Path) -> list[Taken]:
    """Return what a consumer took; a last line that was cut off is none."""
    whole = path.read_text(encoding="ascii").splitlines(keepends=True)
    words = [line.split() for line in whole if line.endswith("\n")]
    return [Taken((int(epoch), int(seq)), how == "live", digest) for epoch, seq, how, digest in words]


def read_triggers(path: Path) -> Triggers:
    """Return what the source counted and the line announced."""
    said = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    return Triggers(
        tuple((each["first"], each["count"]) for each in said if "count" in each),
        tuple((each["lost"][0], each["lost"][1]) for each in said if "lost" in each),
    )


def account(rows: Iterable[Row], log: Iterable[Taken], triggers: Triggers) -> Account:
    """Compare."""
    rows, log = list(rows), list(log)
    numbered, times = Counter(row.key for row in rows), Counter(taken.key for taken in log)
    twice = [f"{_name(key)} is {n} times in the journal" for key, n in numbered.items() if n > 1]
    twice += [f"{_name(key)} was taken {n} times" for key, n in times.items() if n > 1]
    announced, wrong = _conservation(rows, triggers)
    return Account(
        rows=len(rows),
        taken=len(log),
        live=sum(taken.is_live for taken in log),
        triggers=sum(count for _, count in triggers.runs),
        announced=announced,
        lost=tuple(_lost(rows, times)),
        duplicate=tuple(twice),
        unjournaled=tuple(_unjournaled(rows, log)),
        law_1=tuple(wrong),
    )


def _lost(rows: list[Row], times: Counter[Key]) -> list[str]:
    heads: dict[int, int] = defaultdict(int)
    for row in rows:
        heads[row.key[0]] = max(heads[row.key[0]], row.key[1])
    expected = ((epoch, seq) for epoch, head in heads.items() for seq in range(1, head + 1))
    return [f"{_name(key)} was never taken" for key in expected if key not in times]


def _unjournaled(rows: list[Row], log: list[Taken]) -> list[str]:
    kept, tails = {row.key: row.digest for row in rows}, {}
    for epoch, seq in kept:
        tails[epoch] = min(seq, tails.get(epoch, seq))
    found = []
    for taken in log:
        epoch, seq = taken.key
        if taken.key in kept:
            if kept[taken.key] != taken.digest:
                found.append(f"{_name(taken.key)} says something else in the journal")
        elif seq >= tails.get(epoch, 1):
            found.append(f"{_name(taken.key)} is not in the journal")
    return found


def _conservation(rows: list[Row], triggers: Triggers) -> tuple[int, list[str]]:
    given = {part for first, count in triggers.runs for part in range(first, first + count)}
    judged = Counter(row.part_id for row in rows)
    lost = {part for part in given if any(first <= part <= last for first, last in triggers.lost)}
    wrong = [f"{sum(count for _, count in triggers.runs) - len(given)} part numbers were given twice"]
    wrong = wrong if sum(count for _, count in triggers.runs) != len(given) else []
    wrong += [f"part {part} has {n} rows" for part, n in judged.items() if n > 1]
    wrong += [f"part {part} has a row and no trigger" for part in sorted(judged.keys() - given)]
    wrong += [f"part {part} has no row and was not announced" for part in sorted(given - judged.keys() - lost)]
    wrong += [f"part {part} has a row and was announced as lost" for part in sorted(lost & judged.keys())]
    return len(lost - judged.keys()), wrong


def _name(key: Key) -> str:
    return f"seq {key[1]} of epoch {key[0]:08x}"


def main() -> None:
    """Compare, say what was found; exit code 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--journal", required=True, type=Path)
    parser.add_argument("--log", required=True, type=Path)
    parser.add_argument("--triggers", required=True, type=Path)
    asked = parser.parse_args()
    found = account(read_journal(asked.journal), read_log(asked.log), read_triggers(asked.triggers))
    print(found)
    sys.exit(0 if found.is_right else 1)


if __name__ == "__main__":
    main()
