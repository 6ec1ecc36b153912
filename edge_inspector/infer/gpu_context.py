"""Whether what this process computes on a GPU can still be trusted."""

from __future__ import annotations

import threading

from edge_inspector.core.errors import EngineError
from edge_inspector.infer.runtime import RunFailed


class GpuContext:
    """Remembers the first failure on a GPU, for good. Any thread.

    CUDA keeps one context for each process and GPU, whatever sessions there are. After an error in it, further calls
    may fail or may answer something: NVIDIA's remedy is to end the process. So there is no way back here either.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failure: str | None = None

    @property
    def failure(self) -> str | None:
        """What failed first; None while nothing has."""
        return self._failure

    def fail(self, why: str) -> None:
        """Take in that a run failed."""
        with self._lock:
            self._failure = self._failure or why

    def assert_sound(self) -> None:
        """Raise EngineError once anything has failed."""
        if self._failure is not None:
            raise EngineError(
                f"a run on the GPU failed: {self._failure}. After that nothing can be trusted that this process "
                "computes there, not even a proof: it ends, and a fresh one begins with a clean GPU context"
            )

    def check_answer(self) -> None:
        """Refuse the answer of a run beside which another one failed: raises RunFailed."""
        if self._failure is not None:
            raise RunFailed(f"another run of this process failed on the GPU: {self._failure}")


THIS_PROCESS = GpuContext()
"""The one state that is not handed in by default: CUDA's context is the process's own, shared by all that run in it."""
