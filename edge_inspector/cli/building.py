"""Progress of an engine that is compiled while a person waits at a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from edge_inspector.infer.runtime import Build


class BuildProgress:
    """Called before and after a build. Use it as a context manager: an error leaves no bar behind.

    TensorRT does not say how far it is: the bar shows the time of the former build, where one is known.
    """

    def __init__(self) -> None:
        columns = (TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def __call__(self, build: Build) -> None:
        """Show that a build began, or that it ended."""
        if build.took_s is not None:
            self._end()
            click.echo(f"  the TensorRT engine of {build.what} was built in {build.took_s:.0f} s")
            return
        known = "the first time here" if build.former_s is None else f"{build.former_s:.0f} s the last time"
        click.echo(f"  building the TensorRT engine of {build.what}, which takes minutes: {build.why}; {known}")
        self._task = self._bar.add_task("compiling", total=build.former_s)
        self._bar.start()

    def _end(self) -> None:
        if self._task is not None:
            self._bar.stop()  # one that never began would leave an empty line
            self._bar.remove_task(self._task)
            self._task = None
