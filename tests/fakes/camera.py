"""A camera that plays a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import Arrival, ArrivalKind, FrameShape
from edge_inspector.core.ports import SourceEnded

Step = ArrivalKind | Arrival | None | Exception
"""What one `fetch` does: bring this (kind of) arrival, say that no trigger came, or raise."""


class FakeCamera:
    """Plays a script from its beginning each time it is entered, then raises SourceEnded.

    Every arrival gets the next frame id, from 1; a picture is filled with its frame id modulo 256.

    Args:
        shape: Of every picture.
        script: One step per `fetch`.
        transport_ms: Taken off the trigger time.
    """

    discarded = 0

    def __init__(self, shape: FrameShape, script: Sequence[Step], transport_ms: float = 0.0) -> None:
        self.shape = shape
        self.entered = 0
        self.left = 0
        self._script = tuple(script)
        self._transport_ns = round(transport_ms * 1e6)
        self._steps: Iterator[Step] = iter(())
        self._pixels = np.empty(shape.hwc, np.uint8)
        self._frame_id = 0

    def __enter__(self) -> Self:
        self.entered += 1
        self._steps = iter(self._script)
        self._frame_id = 0
        return self

    def fetch(self, timeout_s: float) -> Arrival | None:
        try:
            step = next(self._steps)
        except StopIteration:
            raise SourceEnded from None
        if step is None:
            return None
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Arrival):
            return step
        self._frame_id += 1
        self._pixels[:] = self._frame_id % 256
        pixels = self._pixels if step is ArrivalKind.FRAME else None
        return Arrival(step, self._frame_id, monotonic_ns() - self._transport_ns, "host", pixels)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left += 1
