"""Faults inside a process of a line, each while a file is there. Nothing of the package knows of them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

SLOW_S = 0.15
LINES_PER_RUN = 50


def _is_on() -> bool:
    return Path(os.environ["FAULT_SWITCH"]).exists()


def slow_run() -> None:
    """Each run of the model takes longer."""
    from edge_inspector.infer.batch import BoundBatch

    run = BoundBatch.run

    def slow(self: BoundBatch, heat_from: float = 0.0) -> None:
        if _is_on():
            time.sleep(SLOW_S)
        run(self, heat_from)

    BoundBatch.run = slow  # type: ignore[method-assign]


def hanging_run() -> None:
    """A run of the model does not come back."""
    from edge_inspector.infer.batch import BoundBatch

    run = BoundBatch.run

    def hanging(self: BoundBatch, heat_from: float = 0.0) -> None:
        if _is_on():
            threading.Event().wait()
        run(self, heat_from)

    BoundBatch.run = hanging  # type: ignore[method-assign]


def flood_of_lines() -> None:
    """Each run of the model writes errors to the log."""
    from edge_inspector.core.logs import get_log
    from edge_inspector.infer.batch import BoundBatch

    run, log = BoundBatch.run, get_log("edge_inspector.flood")

    def loud(self: BoundBatch, heat_from: float = 0.0) -> None:
        if _is_on():
            for number in range(LINES_PER_RUN):
                log.error("flood", number=number)
        run(self, heat_from)

    BoundBatch.run = loud  # type: ignore[method-assign]


def dying_service() -> None:
    """The thread that answers clients raises."""
    from edge_inspector.signal.service import Service

    step = Service.step

    def dying(self: Service) -> bool:
        if _is_on():
            raise RuntimeError("made to die")
        return step(self)

    Service.step = dying  # type: ignore[method-assign]


def dying_keeper() -> None:
    """The thread that makes rows durable raises."""
    from edge_inspector.signal import journal_keeper

    keeper = journal_keeper.JournalKeeper
    step = keeper.step

    def dying(self: journal_keeper.JournalKeeper) -> bool:
        if _is_on():
            raise RuntimeError("made to die")
        return step(self)

    keeper.step = dying  # type: ignore[method-assign]


def broken_gpu() -> None:
    """A run on the GPU fails, and what it answers afterwards is a lie."""
    import inside_gpu

    inside_gpu.broken_gpu()


def compiling_gpu() -> None:
    """An engine is compiled before the line is ready."""
    import inside_gpu

    inside_gpu.compiling_gpu()
