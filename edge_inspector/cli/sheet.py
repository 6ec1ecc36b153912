"""Rows of a report for people: aligned, wrapped at the terminal's width, the next step below what was seen."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

import click

from edge_inspector.doctor.row import Row, Status

COLOUR = {Status.OK: "green", Status.NOTE: "cyan", Status.WARNING: "yellow", Status.FAILED: "red"}
_STATUS, _NAME = 8, 17
_LEAST = 30
"""Columns for what was seen, however narrow the terminal is."""


def row_text(row: Row, columns: int) -> str:
    """Return a row, with colours that `click.echo` leaves out where there is no terminal.

    Args:
        row: To be shown.
        columns: Of the terminal.
    """
    width = max(_LEAST, columns - _STATUS - _NAME)
    right = [*_wrapped(row.seen, width), *_next_step(row.next, width)]
    left = _wrapped(row.name, _NAME - 1)
    lines = []
    for at in range(max(len(left), len(right))):
        status = click.style(f"{row.status:<{_STATUS}}", fg=COLOUR[row.status]) if at == 0 else " " * _STATUS
        name = left[at] if at < len(left) else ""
        told = right[at] if at < len(right) else ""
        lines.append(f"{status}{name:<{_NAME}}{told}".rstrip())
    # Commands are not wrapped: they are there to be copied.
    commands = [f"    {line}" for line in row.next.splitlines() if _is_command(line)]
    return "\n".join(lines + commands)


def sum_text(rows: Sequence[Row]) -> str:
    """Return what came out."""
    n = Counter(row.status for row in rows)
    worst = next((each for each in (Status.FAILED, Status.WARNING) if n[each]), Status.OK)
    counts = f"{n[Status.OK]} ok, {n[Status.NOTE]} notes, {n[Status.WARNING]} warnings, {n[Status.FAILED]} failed"
    return click.style(counts, fg=COLOUR[worst])


def terminal_columns() -> int:
    """Return the terminal's width; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def _next_step(text: str, width: int) -> list[str]:
    prose = [line for line in text.splitlines() if not _is_command(line)]
    if not prose:
        return ["-> run:"] if text else []
    return _wrapped("-> " + "\n".join(prose), width)


def _is_command(line: str) -> bool:
    return line.startswith("sudo ")


def _wrapped(text: str, width: int) -> list[str]:
    return list(_lines(text, width)) or [""]


def _lines(text: str, width: int) -> Iterator[str]:
    for line in text.splitlines():
        # Paths and commands stay in one piece, so that they can be copied.
        yield from textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
