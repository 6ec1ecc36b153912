"""Where a consumer stands, kept over restarts: per epoch the seq up to which everything is done."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

MAX_EPOCHS = 64
"""Epochs kept in a cursor: a new one comes with a lost journal or a power cut, not every day."""


class CursorError(ValueError):
    """Raised when a stored cursor cannot be read; says what to do."""


class Cursor(Protocol):
    """Keeps positions. A consumer with a database of its own keeps them there, in the transaction of its rows."""

    def load(self) -> dict[int, int]:
        """Return {epoch: seq}, oldest epoch first; empty when nothing was stored yet."""

    def store(self, positions: Mapping[int, int]) -> None:
        """Keep positions instead of the former ones; oldest epoch first."""


class FileCursor:
    """A cursor in a small JSON file, replaced as a whole: a power cut leaves the old one or the new one."""

    def __init__(self, path: Path) -> None:
        """Take a path; its folder must exist, the file need not."""
        self._path = path

    def load(self) -> dict[int, int]:
        """Return {epoch: seq}.

        Raises:
            CursorError: The file is not a cursor.
        """
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            rows = json.loads(text)["epochs"]
            return {_number(row["epoch"]): _number(row["seq"]) for row in rows}
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CursorError(
                f"{self._path} is not a cursor ({error}); delete it to begin anew: "
                f"what was recorded before may then come a second time"
            ) from error

    def store(self, positions: Mapping[int, int]) -> None:
        """Replace the file. Raises OSError when the disk refuses; the old one is then still there."""
        rows = [{"epoch": epoch, "seq": seq} for epoch, seq in positions.items()][-MAX_EPOCHS:]
        written = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        try:
            with written.open("wb") as file:
                file.write(json.dumps({"v": 1, "epochs": rows}).encode())
                file.flush()
                os.fsync(file.fileno())
            written.replace(self._path)
        finally:
            written.unlink(missing_ok=True)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name itself
        finally:
            os.close(folder)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is not a number from 0")
    return value
