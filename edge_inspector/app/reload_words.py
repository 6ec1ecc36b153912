"""What is said of a change of the configuration: to who asked, in events and in the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge_inspector.core.errors import Mistake
from edge_inspector.run.control import Answer
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.live import Change, why_restart

MOST_TOLD = 100
"""Changes, and mistakes, that an answer or an event lists; the audit log has all."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked for a reload, as far as known."""

    by: str
    """In words."""
    fields: dict[str, Any]
    """For the audit log."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A change that was put into force."""

    asker: Asker
    changes: list[Change]
    before: LineSettings
    former: str
    """Name of the configuration before."""
    config: str
    number: int
    """Of its terms."""


def mistakes_told(mistakes: list[Mistake]) -> list[list[object]]:
    """Return mistakes for an answer."""
    return [[one.file, one.line, one.where, one.what] for one in mistakes[:MOST_TOLD]]


def mistakes_of(answer: Answer) -> list[Mistake]:
    """Return the mistakes that an answer lists; empty where it lists none."""
    return [Mistake(str(file), line, str(where), str(what)) for file, line, where, what in answer.get("mistakes", [])]


def entry_of(applied: Applied) -> dict[str, Any]:
    """Return what the audit log says of a change."""
    names = {"config": applied.config, "former": applied.former, "by": applied.asker.by}
    return names | applied.asker.fields | {"changes": [told(one) for one in applied.changes]}


def told(change: Change) -> dict[str, Any]:
    """Return a change as a JSON object."""
    return {"key": change.key, "from": change.before, "to": change.after}


def listed(changes: list[Change]) -> str:
    """Return the first few changes in a line for people."""
    names = ", ".join(map(str, changes[:5]))
    return names if len(changes) <= 5 else f"{names} and {len(changes) - 5} more"


def needs_restart(barred: list[Change]) -> str:
    """Return which keys need a restart, and why."""
    keys = ", ".join(f"{one.key} ({why_restart(one.path)})" for one in barred[:10])
    more = f" and {len(barred) - 10} more" if len(barred) > 10 else ""
    return f"{keys}{more} need{'s' if len(barred) == 1 else ''} a restart"
