"""Where triggers that a camera could not take belong among its frames. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from edge_inspector.acquire.camera_clock import OLDEST_NS

LEAST_HOLD_NS = 100_000_000
"""Exposure, read-out and transfer of a picture are over by then, on every line where nothing else is stated."""


class OverTrigger(NamedTuple):
    """A trigger that came while the camera was busy."""

    stamp_ns: int | None
    """When, by the camera's clock; None where its event does not say."""
    seen_ns: int
    """When it was told here, monotonic."""


class OverTriggers:
    """Holds each until the frames before it have come: it is told during an exposure, whose frame comes later.

    One thread, one acquisition.

    Args:
        transport_ns: Worst-case time from an edge to the moment at which its frame is seen.
        stamp_late_ns: How much later than the edge the camera stamps a frame.
    """

    def __init__(self, transport_ns: int, stamp_late_ns: int) -> None:
        self._hold_ns, self._stamp_late_ns = max(transport_ns, LEAST_HOLD_NS), stamp_late_ns
        self._held: deque[OverTrigger] = deque()

    def told(self, stamps_ns: Iterable[int | None], now_ns: int) -> None:
        """Take note of what the camera tells now; to be called before a frame that was taken is placed."""
        self._held.extend(OverTrigger(stamp_ns, now_ns) for stamp_ns in stamps_ns)

    def before(self, frame_ns: int | None, has_gap: bool) -> list[OverTrigger]:
        """Take out those that belong before a frame.

        Args:
            frame_ns: Its stamp; None when it has none.
            has_gap: Frames are missing before it. Without stamps one of those counts as the one that was exposed when
                the trigger came.
        """
        return self._take_while(lambda one: self._is_before(one, frame_ns, has_gap))

    def after(self, frame_ns: int | None) -> list[OverTrigger]:
        """Take out those that belong right after a frame that was placed: those whose stamps cannot be compared."""
        return self._take_while(lambda one: not _can_compare(one, frame_ns))

    def overdue(self, now_ns: int) -> list[OverTrigger]:
        """Take out those before which no frame can come any more."""
        return self._take_while(lambda one: now_ns - one.seen_ns >= self._hold_ns)

    def _take_while(self, is_wanted: Callable[[OverTrigger], bool]) -> list[OverTrigger]:
        taken = []
        while self._held and is_wanted(self._held[0]):  # in the order in which they came, each of them
            taken.append(self._held.popleft())
        return taken

    def _is_before(self, one: OverTrigger, frame_ns: int | None, has_gap: bool) -> bool:
        if one.stamp_ns is None or frame_ns is None or not _can_compare(one, frame_ns):
            return has_gap
        return one.stamp_ns < frame_ns - self._stamp_late_ns


def _can_compare(one: OverTrigger, frame_ns: int | None) -> bool:
    """Return whether both stamps are of one clock: some cameras count events in ticks, and frames come in ns."""
    return one.stamp_ns is not None and frame_ns is not None and abs(one.stamp_ns - frame_ns) < OLDEST_NS
