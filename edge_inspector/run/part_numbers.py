"""Part numbers that are never used twice on a line, whatever was killed when.

The file holds a mark above every number given so far. It moves in blocks, well ahead, so that it is written seldom;
after a clean end it is exact, after a kill the rest of the block is skipped and announced.

What must be announced is kept in the same file, in the write that begins the next run: a run that is killed before
anybody heard it leaves it to its successor.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_inspector.core.errors import ProcessError
from edge_inspector.run.folder_lock import FolderLock

BLOCK = 10_000
"""At 500 parts a second the mark is written every 10 s, when half a block is used up; a disk that takes no writes
leaves the other half, 10 s, until parts get no verdict."""
MAX_LOSSES = 50
"""A line that is killed over and over keeps the newest ones; the log of the system has them all."""


@dataclass(frozen=True, slots=True)
class LostRange:
    """Part numbers that a killed run may have given without a verdict."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class FormerRun:
    """What the file says of the run before, for whoever keeps its verdicts."""

    epoch: int
    offset: int
    """part_id - seq of each of its verdicts."""
    judged_below: int
    """Every number of it below this one had its verdict."""
    given_below: int
    """No number from here on was given."""


class PartNumbers:
    """The persisted mark of one line, locked against a second daemon. Owned by main."""

    def __init__(self, state_dir: Path, lock: FolderLock | None = None) -> None:
        """Read the mark; `begin` before the first number is given.

        Args:
            state_dir: Of the line.
            lock: Of that folder, when the caller holds it already; None takes it.

        Raises:
            ProcessError: Another daemon uses the folder, or it cannot be written.
        """
        self._path = state_dir / "part_numbers.json"
        self._lock = lock or FolderLock(state_dir, "state_dir")
        self._run: dict[str, Any] = {"epoch": 0, "offset": 0, "losses": []}
        self.losses: list[dict[str, Any]] = []
        """What no run that ended in good order has announced yet, as its announcer wrote it down."""
        self.former: FormerRun | None = None
        """None for a new line, and where the file does not say."""
        self.first, self.lost = self._next()
        """First number of this run; numbers that a killed run may have left without a verdict, or None."""
        self.mark = 0
        """Numbers from here on must not be given yet: after a kill they would be given again."""

    def begin(self, epoch: int = 0, offset: int = 0, losses: Sequence[dict[str, Any]] = ()) -> None:
        """Keep the first block.

        Args:
            epoch: Of this run's verdicts; 0 for none.
            offset: part_id - seq of each of them.
            losses: What this run announces, those in `losses` among them; kept until it ends in good order.

        Raises:
            ProcessError: The mark cannot be written.
        """
        self.renew(epoch, offset, self.first, self.first, losses)

    def renew(
        self, epoch: int, offset: int, judged_below: int, next_part: int, losses: Sequence[dict[str, Any]] = ()
    ) -> None:
        """Say that from here on verdicts belong to another epoch; arguments and errors as for `begin` and `reserve`."""
        self._run = {"epoch": epoch, "offset": offset, "losses": list(losses)[-MAX_LOSSES:]}
        self._reserve(judged_below, next_part)

    def reserve(self, judged_below: int, next_part: int) -> None:
        """Keep the mark ahead of the numbers in use; cheap when it is.

        Args:
            judged_below: Every number of this run below it has its verdict.
            next_part: The number that the next trigger will get.

        Raises:
            ProcessError: The mark cannot be written.
        """
        if next_part + BLOCK // 2 > self.mark:
            self._reserve(judged_below, next_part)

    def close(self, next_part: int) -> None:
        """Write the exact mark: every number below it has its verdict, and what was to be announced was."""
        self._run["losses"] = []
        self._write({"judged_below": next_part, "mark": next_part, "clean": True})
        self._lock.close()

    def _reserve(self, judged_below: int, next_part: int) -> None:
        mark = next_part + BLOCK
        self._write({"judged_below": judged_below, "mark": mark, "clean": False})
        self.mark = max(mark, self.mark)  # after the write: one that failed is tried again

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
        with suppress(KeyError, ValueError, TypeError):  # written before there was a journal
            if epoch := int(kept["epoch"]):
                self.former = FormerRun(epoch, int(kept["offset"]), judged_below, mark)
        self.losses = _losses(kept)
        return mark, None if is_clean else LostRange(judged_below, mark - 1)

    def _write(self, content: dict[str, Any]) -> None:
        draft = self._path.with_suffix(".tmp")
        try:
            with draft.open("w") as file:
                file.write(json.dumps(content | self._run))
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


def _losses(kept: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a file says was not announced; a file that says it in no known way says nothing."""
    losses = kept.get("losses")
    return [each for each in losses if isinstance(each, dict)] if isinstance(losses, list) else []
