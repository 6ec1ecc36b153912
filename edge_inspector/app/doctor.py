"""Composition root of `doctor`: checks in a process of their own, replaced when one of them hangs or crashes it."""

from __future__ import annotations

from collections.abc import Iterator

from edge_inspector.app.checkup import CHECKS, Asked, chosen
from edge_inspector.doctor.row import Row
from edge_inspector.run.probe import Probe, status_words

BEGIN_S = 60.0
"""A cold disk may need so long for an interpreter and what it imports."""


def examine(asked: Asked) -> Iterator[Row]:
    """Yield the rows of a line and its computer as they are found. Never raises for what is wrong with them."""
    left = [check.name for check in chosen(asked)]
    while left:
        visit = Visit(asked, left)
        try:
            yield from visit.rows()
        finally:
            visit.close()
        left = visit.left


class Visit:
    """One process that makes checks, until they are done or one of them ends it."""

    def __init__(self, asked: Asked, names: list[str]) -> None:
        """Start it."""
        self.left = list(names)
        """What was not looked at yet."""
        self._now: str | None = None
        self._probe = Probe("edge_inspector.app.examine", (asked, self.left))

    def rows(self) -> Iterator[Row]:
        """Yield the rows; the last one may be that of a check that hung or crashed."""
        limit_s = BEGIN_S
        while (told := self._probe.told(limit_s)) is not None:
            if "begin" in told:
                self._now, limit_s = told["begin"], told["limit_s"]
                continue
            self._done(told["end"])
            limit_s = BEGIN_S
            yield from map(Row.from_json, told["rows"])
        if not self.left:
            return
        name = self._now or self.left[0]
        yield self._ended_early(name, limit_s)
        self._done(name)

    def close(self) -> None:
        """End it, if it did not by itself."""
        self._probe.close()

    def _done(self, name: str) -> None:
        self._now = None
        self.left = [each for each in self.left if each != name]

    def _ended_early(self, name: str, limit_s: float) -> Row:
        code = next(check.exit_code for check in CHECKS if check.name == name)
        status = self._probe.ended()
        if status is None:
            what = f"no answer in {limit_s:g} s: given up"
            return Row.failed(
                name, what, "something below it hangs: a disk, a network folder, a driver, a camera", code
            )
        what = f"the check ended its process with {status_words(status)}: native code, most likely"
        return Row.failed(name, what, "see the library it uses", code)
