"""The report of a drill: Markdown for people, JSON for programs, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_inspector.core.errors import ProcessError
from edge_inspector.drill.conduct import Row
from edge_inspector.drill.judge import ms


@dataclass(frozen=True, slots=True)
class About:
    """What the report says of the line and of who asked."""

    line: str
    version: str
    config: str
    by: str
    reason: str
    began_utc: str
    ended_utc: str
    lease_ms: int
    period_us: int | None


def is_passed(rows: Sequence[Row]) -> bool:
    """Return whether no drill failed and at least one was run."""
    return any(row.is_passed for row in rows) and all(row.is_passed or row.not_run for row in rows)


def headline(rows: Sequence[Row]) -> str:
    """Return the result in a line."""
    counts = {word: sum(row.result == word for row in rows) for word in ("pass", "FAIL", "not run")}
    return f"{counts['pass']} passed, {counts['FAIL']} failed, {counts['not run']} not run"


def markdown(about: About, rows: Sequence[Row]) -> str:
    """Return the report for people."""
    pace = "no parts came" if about.period_us is None else f"a part every {ms(about.period_us)}"
    lines = [
        f"# Drill of line {about.line}: {'PASS' if is_passed(rows) else 'FAIL'}", "",
        f"{headline(rows)}.", "",
        f"- from {about.began_utc} to {about.ended_utc}, by {about.by}: {about.reason or 'no reason given'}",
        f"- edge-inspector {about.version}, configuration {about.config}, lease {about.lease_ms} ms, {pace}", "",
        "| drill | pulled | gate disarmed | ready again | rejected | released | result |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        disarmed = "no" if row.disarmed_us is None else ms(row.disarmed_us)
        back = "never" if row.back_us is None else ms(row.back_us)
        cells = ["", "", "", ""] if row.not_run else [disarmed, back, str(row.rejected), str(row.released)]
        lines.append(f"| {row.name} | {row.what} | {' | '.join(cells)} | {row.result} |")
    for row in rows:
        lines += ["", f"## {row.name}: {row.result}", ""]
        if row.not_run:
            lines.append(row.not_run)
            continue
        lines += [f"- {'kept' if c.is_kept else '**BROKEN**'}: {c.rule}: {c.detail}" for c in row.checks]
        reasons = ", ".join(f"{n} {reason}" for reason, n in row.reasons) or "none"
        lines.append(f"- verdicts heard after the pull: {reasons}; epoch {row.epoch:08x}")
    return "\n".join(lines) + "\n"


def as_json(about: About, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the report for programs."""
    drills = [{"result": row.result.lower(), **asdict(row), "reasons": dict(row.reasons)} for row in rows]
    return {"passed": is_passed(rows), **asdict(about), "drills": drills}


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there as a whole or not at all. Raises ProcessError when the disk refuses."""
    written = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    except OSError as error:
        with suppress(OSError):
            written.unlink(missing_ok=True)
        raise ProcessError(f"{path} cannot be written: {error.strerror}; give another place with --output") from error
