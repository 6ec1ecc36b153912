"""What a drill works with: the line, the witness, the subscriber, and how to ask the daemon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_inspector.core.errors import ProcessError
from edge_inspector.drill.processes import Started, children_of
from edge_inspector.drill.witness import Witness

Ask = Callable[[dict[str, Any]], dict[str, Any]]
"""Asks the daemon over its control socket; raises ProcessError or UsageError."""


@dataclass(slots=True)
class Scene:
    """One line, ready to be drilled."""

    line: str
    witness: Witness
    recorder: Started
    records: Path
    """The recorder's database."""
    ask: Ask
    lease_us: int
    back_us: int
    """Within this time the line must be back."""
    daemon: Started | None = None
    """The daemon, where the drill started it itself."""

    def status(self) -> dict[str, Any]:
        """Return what the daemon says of drill mode."""
        return self.ask({"op": "drill_status"})

    def child(self, module: str) -> int:
        """Return a process of the line. Raises ProcessError when it does not run."""
        found = self.children(module)
        if not found:
            raise ProcessError(f"the line has no {module} process now; see its log")
        return found[0]

    def children(self, module: str) -> list[int]:
        """Return all processes of the line that run a module."""
        return children_of(int(self.status()["pid"]), f"edge_inspector.app.{module}")
