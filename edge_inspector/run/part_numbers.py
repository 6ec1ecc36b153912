"""Part numbers that are never used twice on a line, whatever was killed when.

The file holds a mark above every number given so far. It moves in blocks, well ahead, so that it is written seldom;
after a clean end it is exact, after a kill the rest of the block is skipped and announced.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.core.errors import ProcessError

BLOCK = 10_000
"""At 500 parts a second the mark is written every 10 s, when half a block is used up; a disk that takes no writes
leaves the other half, 10 s, until parts get no verdict."""


@dataclass(frozen=True, slots=True)
class LostRange:
    """Part numbers that a killed run may have given without a verdict."""

    first: int
    last: int


class PartNumbers:
    """The persisted mark of one line, locked against a second daemon. Owned by main."""

    def __init__(self, state_dir: Path) -> None:
        """Lock the folder and read the mark.

        Raises:
            ProcessError: Another daemon uses the folder, or it cannot be written.
        """
        self._path = state_dir / "part_numbers.json"
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            self._lock_fd = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ProcessError(
                f"state_dir {state_dir} cannot be used: {error.strerror}; make it writable or set another"
            ) from error
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ProcessError(
                f"another daemon runs with state_dir {state_dir}; stop it, or give this line a state_dir of its own"
            ) from error
        self.first, self.lost = self._next()
        """First number of this run; numbers that a killed run may have left without a verdict, or None."""
        self.mark = 0
        """Numbers from here on must not be given yet: after a kill they would be given again."""
        self.reserve(self.first, self.first)

    def reserve(self, judged_below: int, next_part: int) -> None:
        """Keep the mark ahead of the numbers in use; cheap when it is.

        Args:
            judged_below: Every number of this run below it has its verdict.
            next_part: The number that the next trigger will get.

        Raises:
            ProcessError: The mark cannot be written.
        """
        if next_part + BLOCK // 2 > self.mark:
            mark = next_part + BLOCK
            self._write({"judged_below": judged_below, "mark": mark, "clean": False})
            self.mark = mark  # after the write: one that failed is tried again

    def close(self, next_part: int) -> None:
        """Write the exact mark: every number below it has its verdict."""
        self._write({"judged_below": next_part, "mark": next_part, "clean": True})
        os.close(self._lock_fd)

    def _next(self) -> tuple[int, LostRange | None]:
        try:
            kept = json.loads(self._path.read_text())
            mark, judged_below, is_clean = int(kept["mark"]), int(kept["judged_below"]), bool(kept["clean"])
        except FileNotFoundError:
            return 1, None
        except (OSError, ValueError, KeyError, TypeError):
            # Unreadable: jump over anything that counting from 1 can ever have reached, below 2^53 for readers.
            self._path.replace(self._path.with_suffix(".damaged"))
            first = int(time.time()) * 1000
            # Which parts were lost is as unknown as the numbers themselves: all below may have no verdict.
            return first, LostRange(1, first - 1)
        return mark, None if is_clean else LostRange(judged_below, mark - 1)

    def _write(self, content: dict[str, int | bool]) -> None:
        draft = self._path.with_suffix(".tmp")
        try:
            with draft.open("w") as file:
                file.write(json.dumps(content))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
            folder_fd = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder_fd)
            finally:
                os.close(folder_fd)
        except OSError as error:
            raise ProcessError(
                f"{self._path} cannot be written: {error.strerror}; free the disk or set another state_dir"
            ) from error
