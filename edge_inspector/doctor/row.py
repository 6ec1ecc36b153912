"""The rows of a report: what was looked at, what was seen, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from edge_inspector.core.errors import EdgeInspectorError

SCHEMA = "insp-doctor/1"
"""Name of the shape that `as_json` gives; a key that readers may not ignore is a new number."""


class Status(StrEnum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"
    """Nothing is wrong, but a person may want to know; also what could not be looked at."""
    WARNING = "warning"
    """The line runs all the same: less well, or not for ever."""
    FAILED = "failed"
    """The line does not run, or does not inspect."""


@dataclass(frozen=True, slots=True)
class Row:
    """One check."""

    name: str
    status: Status
    seen: str
    """With the values."""
    next: str = ""
    """What a person does about it; empty only where nothing is to be done."""
    exit_code: int = 0
    """Of a failed one; 0 for all others."""

    @classmethod
    def ok(cls, name: str, seen: str) -> Self:
        """Return what is as it should be."""
        return cls(name, Status.OK, seen)

    @classmethod
    def note(cls, name: str, seen: str, next: str = "") -> Self:
        """Return what a person may want to know."""
        return cls(name, Status.NOTE, seen, next)

    @classmethod
    def warning(cls, name: str, seen: str, next: str) -> Self:
        """Return what should be mended."""
        return cls(name, Status.WARNING, seen, next)

    @classmethod
    def failed(cls, name: str, seen: str, next: str, exit_code: int = EdgeInspectorError.exit_code) -> Self:
        """Return what keeps the line from working."""
        return cls(name, Status.FAILED, seen, next, exit_code)

    @classmethod
    def of(cls, name: str, error: EdgeInspectorError) -> Self:
        """Return the row of an error: what stands behind its last semicolon is the next step, as its rule is."""
        seen, _, then = str(error).rpartition("; ")
        return cls.failed(name, seen or str(error), then if seen else "see the message", error.exit_code)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """Return the row that `as_json` wrote."""
        return cls(told["name"], Status(told["status"]), told["seen"], told["next"], told["exit_code"])

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "name": self.name,
            "status": str(self.status),
            "seen": self.seen,
            "next": self.next,
            "exit_code": self.exit_code,
        }


def exit_code_of(rows: Iterable[Row]) -> int:
    """Return that of the first failed row; 0 where none is, whatever the warnings."""
    return next((row.exit_code for row in rows if row.status is Status.FAILED), 0)


def report_json(line: str | None, config: str, version: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Return a report for a program.

    Args:
        line: Name of the line; None where its configuration cannot be read.
        config: Path as it was given.
        version: Of this program.
        rows: In their order.
    """
    return {
        "schema": SCHEMA,
        "line": line,
        "config": config,
        "version": version,
        "exit_code": exit_code_of(rows),
        "counts": {str(status): sum(row.status is status for row in rows) for status in Status},
        "rows": [row.as_json() for row in rows],
    }
