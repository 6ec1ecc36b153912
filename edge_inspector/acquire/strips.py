"""Strips of a web that overlap: each picture begins with the last lines of the one before."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np

from edge_inspector.core.frame import Arrival, ArrivalKind, FrameShape
from edge_inspector.core.ports import Camera


class OverlappingCamera:
    """A camera whose pictures are longer than its strips. Obeys the `Camera` port.

    A defect on the seam of two strips would be cut in two halves that each look harmless. Here whoever looks at the
    second strip sees it whole.

    Args:
        camera: Sends strips.
        strip: Their shape.
        overlap: Lines of the strip before that stand above each strip; at most the strip's own height.
    """

    def __init__(self, camera: Camera, strip: FrameShape, overlap: int) -> None:
        self._camera, self._overlap = camera, overlap
        self._frame = np.empty((strip.height + overlap, strip.width, strip.channels), np.uint8)
        self._tail = np.empty((overlap, strip.width, strip.channels), np.uint8)
        self._has_tail = False

    @property
    def discarded(self) -> int:
        """Buffers so far that were no trigger of their own."""
        return self._camera.discarded

    def __enter__(self) -> Self:
        """Connect and arm."""
        self._camera.__enter__()
        self._has_tail = False
        return self

    def fetch(self, timeout_s: float) -> Arrival | None:
        """Return the next arrival; see the `Camera` port.

        Where the strip before is not known (the first one, after a loss), the strip's own first lines stand mirrored
        above it: nothing is invented that a model has never seen, and what lies there is seen in its own place too.
        """
        arrival = self._camera.fetch(timeout_s)
        if arrival is None:
            return None
        if arrival.pixels is None:
            self._has_tail = False
            return arrival
        strip, overlap = arrival.pixels, self._overlap
        self._frame[:overlap] = self._tail if self._has_tail else strip[:overlap][::-1]
        self._frame[overlap:] = strip
        self._tail[:] = strip[-overlap:]
        self._has_tail = arrival.kind is ArrivalKind.FRAME  # whatever else is shown, nobody knows where it lies
        return replace(arrival, pixels=self._frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disarm and disconnect; never raises."""
        self._camera.__exit__(kind, error, trace)
