"""The only threads of the program: a step function, run until told to stop; and calls made all at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from edge_inspector.core.logs import get_log
from edge_inspector.run.scheduling import lower_this_thread

log = get_log(__name__)

Answer = TypeVar("Answer")


def all_at_once(calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Make all calls, each in a thread of its own; returns their answers, or raises what the first of them raised."""
    with ThreadPoolExecutor(max(1, len(calls))) as pool:
        return [made.result() for made in [pool.submit(call) for call in calls]]


class Worker:
    """Runs `step` in a thread of its own, inside the context of what that thread owns."""

    def __init__(
        self,
        name: str,
        step: Callable[[], bool],
        owns: AbstractContextManager[Any] | None = None,
        *,
        drains: bool = False,
        nice: int = 0,
    ) -> None:
        """Prepare; `start` begins.

        Args:
            name: In the log.
            step: Does one piece of work; False when there was none within 0.1 s.
            owns: Opened and closed in the thread, such as a socket; None for nothing.
            drains: On stop, go on until `step` finds nothing to do.
            nice: Steps by which its thread stands behind the one that starts it.
        """
        self.name = name
        self.error: BaseException | None = None
        self._step, self._owns, self._drains, self._nice = step, owns or nullcontext(), drains, nice
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Ask it to end after the step at hand."""
        self._stop.set()

    def stop(self, timeout_s: float) -> bool:
        """Ask it to end and wait; False if it still runs after the time."""
        self.ask_to_stop()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            lower_this_thread(self._nice)
            with self._owns:
                while not self._stop.is_set():
                    self._step()
                # Asked again after the stop: what the last step did not see came before the stop.
                while self._drains and self._step():
                    pass
        except BaseException as error:
            self.error = error
            log.exception("worker_died", worker=self.name)
