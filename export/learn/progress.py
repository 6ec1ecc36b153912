"""What a person sees while a training runs: one bar, and a line that stays for each epoch and model."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Teller:
    """Prints. `with` it; used from one thread."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), transient=True
        )
        self._learned, self._seconds = 0, 0.0

    def __enter__(self) -> Teller:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def bar(self, text: str, total: int) -> Callable[[int], None]:
        """Start a bar in place of the last; call what is returned with what was done since."""
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        number = self._progress.add_task(text, total=total)
        return lambda done: self._progress.advance(number, done)

    def learned(self, tiles: int, since: float) -> None:
        """Count tiles learned from since a `time.monotonic()`, stop part and saving included."""
        self._learned += tiles
        self._seconds += time.monotonic() - since

    def left(self, tiles: int) -> str:
        """Return how long learning from so many more tiles takes, as fast as it went so far."""
        if not self._learned:
            return ""
        seconds = tiles * self._seconds / self._learned
        return f"at most {seconds / 60:.0f} min left" if seconds >= 90 else f"at most {seconds:.0f} s left"
