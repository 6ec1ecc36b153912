"""Where each key of a configuration file stands, so that every mistake names its line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from edge_inspector.core.errors import Mistake

KeyPath = tuple[str | int, ...]
"""Keys from the top of the file down to a value; numbers count the items of a list."""


def dotted(path: Iterable[str | int]) -> str:
    """Return a path as people write it, such as `evidence.keep[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True, slots=True)
class LineMap:
    """Line and spelling of everything in one configuration file."""

    file: str
    """Path as the person gave it."""
    line_of: dict[KeyPath, int] = field(default_factory=dict)
    """Line of each key, from 1; `()` is the line of the first key."""
    text_of: dict[KeyPath, str] = field(default_factory=dict)
    """Each single value as it is written, with its quotes."""

    def line(self, path: KeyPath) -> int | None:
        """Return the line of a key; of the nearest block around it where the key is not in the file."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.line_of:
                return self.line_of[path[:length]]
        return None

    def mistake(self, path: KeyPath, what: str) -> Mistake:
        """Return a mistake at a key, with its line."""
        return Mistake(self.file, self.line(path), dotted(path), what)

    def below(self, place: KeyPath) -> LineMap:
        """Return the map for those who know the keys below a block only, such as one of several cameras.

        A key that the block leaves out is told at the block.
        """
        return _Below(self.file, self.line_of, self.text_of, place)


@dataclass(frozen=True, slots=True)
class _Below(LineMap):
    place: KeyPath = ()

    def line(self, path: KeyPath) -> int | None:
        return LineMap.line(self, (*self.place, *path))

    def mistake(self, path: KeyPath, what: str) -> Mistake:
        whole = (*self.place, *path)
        return Mistake(self.file, LineMap.line(self, whole), dotted(whole), what)
