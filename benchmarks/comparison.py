"""Results as JSON, and what became worse since another run. Pure but for reading and writing the file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Bar, Row

FORMAT = 1
WORSE_BY = 0.10
"""A figure that is worse by more than this share is a regression."""


@dataclass(frozen=True, slots=True)
class Run:
    """All rows of one run, and the machine it ran on."""

    machine: Mapping[str, str]
    is_quick: bool
    sections: Mapping[str, Mapping[str, str]]
    """Of each section: when it ran and how loaded the machine was."""
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Regression:
    """A figure that became worse."""

    key: str
    before: float
    now: float
    unit: str

    def __str__(self) -> str:
        return f"{self.key}: {self.before:.3g} -> {self.now:.3g} {self.unit}".rstrip()


def regressions(before: Run, now: Run) -> list[Regression]:
    """Return what is worse than before by more than 10 %.

    Ratios compare on any machine, other figures only on the same hardware. Nothing compares between a quick run and a
    full one. A figure that was there and is missing now counts as worse.
    """
    if before.is_quick != now.is_quick:
        return []
    is_same_machine = _hardware(before) == _hardware(now)
    known = {row.key: row for row in before.rows}
    found = []
    for row in now.rows:
        former = known.get(row.key)
        if former is None or former.value is None or not (row.is_ratio or is_same_machine):
            continue
        if row.value is None:
            found.append(Regression(row.key, former.value, float("nan"), row.unit))
        elif _is_worse(former.value, row.value, row.is_more_better, row.grain):
            found.append(Regression(row.key, former.value, row.value, row.unit))
    return found


def merged(before: Run | None, now: Run) -> Run:
    """Return the run, with the sections of the former one that it did not repeat, if hardware and size are the same."""
    if before is None or before.is_quick != now.is_quick or _hardware(before) != _hardware(now):
        return now
    kept = tuple(row for row in before.rows if row.section not in now.sections)
    return Run(now.machine, now.is_quick, {**before.sections, **now.sections}, (*kept, *now.rows))


def write_run(path: Path, run: Run) -> None:
    """Write a run as JSON; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"format": FORMAT, **asdict(run)}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_run(path: Path) -> Run | None:
    """Return a run that `write_run` wrote; None if there is no such file or another format wrote it."""
    if not path.is_file():
        return None
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if document.get("format") != FORMAT:
        return None
    rows = tuple(
        Row(**values | {"bar": Bar(**values["bar"]) if values["bar"] else None}) for values in document["rows"]
    )
    return Run(document["machine"], document["is_quick"], document["sections"], rows)


def missed(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that do not reach their bar."""
    return [row for row in rows if row.is_ok is False]


def _is_worse(before: float, now: float, is_more_better: bool, grain: float) -> bool:
    loss = before - now if is_more_better else now - before
    return not loss <= max(grain, WORSE_BY * abs(before))  # NaN is worse than anything


def _hardware(run: Run) -> tuple[str | None, ...]:
    return tuple(run.machine.get(name) for name in ("cpu", "cores", "memory"))
