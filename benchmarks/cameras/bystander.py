"""A thread that wants a millisecond's sleep and notes by how much it overslept."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

SLEEP_S = 0.001


class Bystander:
    """Sleeps in its own thread while the block runs."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        """By how much each sleep was too long."""
        self._is_over = False
        self._thread = threading.Thread(target=self._sleep)

    def _sleep(self) -> None:
        while not self._is_over:
            began = time.perf_counter()
            time.sleep(SLEEP_S)
            self.late_ms.append((time.perf_counter() - began - SLEEP_S) * 1000)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._thread.join()
