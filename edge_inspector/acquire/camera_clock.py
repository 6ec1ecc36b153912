"""When the trigger edge came, by the camera's clock where that can be had. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Literal, NamedTuple

KEPT = 16
"""Latches that the line through them rests on: minutes, over which a crystal's drift is constant."""
FIRST_LATCHES, FIRST_EVERY_NS, EVERY_NS = 5, 1_000_000_000, 10_000_000_000
"""A crystal drifts by 50 ppm at most: 0.5 ms in ten seconds without any fit, and far less with it."""
FIT_FROM_NS = 4_000_000_000
"""Over less the questions' own time, 0.1 ms, would look like more drift than there is."""
SLOW_NS = 20_000_000
"""A question that takes longer holds up the pictures more than it tells: the next one comes much later."""
SLOW_EVERY_NS = 120_000_000_000
SLACK_NS = 2_000_000
"""A mapped time may be so far in the future by the error of the fit; further, and the camera's clock has jumped."""
OLDEST_NS = 10_000_000_000
"""No buffer waits so long: an older time is another clock."""


class Latch(NamedTuple):
    """The camera's time, and this host's monotonic time before and after it was asked for. All ns."""

    camera_ns: int
    before_ns: int
    after_ns: int


class Moment(NamedTuple):
    """When a part was triggered."""

    trigger_ns: int
    """Monotonic."""
    source: Literal["camera", "host"]
    """Whose clock said so."""


class CameraClock:
    """Maps the camera's time stamps to this host's monotonic clock. One thread, one acquisition.

    Args:
        transport_ns: Worst-case time from the edge to the moment a buffer is seen; taken off where the host's clock
            is used.
        stamp_late_ns: How much later than the edge the camera stamps; taken off where its clock is used.
    """

    def __init__(self, transport_ns: int, stamp_late_ns: int = 0) -> None:
        self._transport_ns, self._stamp_late_ns = transport_ns, stamp_late_ns
        self._latches: deque[Latch] = deque(maxlen=KEPT)
        self._fit: _Fit | None = None  # made with each latch, used with each frame
        self._asked = 0
        self.next_ns = 0
        """When the camera should be asked for its time again, monotonic."""
        self.jumps = 0
        """How often its clock was found to have jumped."""

    def latched(self, latch: Latch) -> None:
        """Take in the answer to a question."""
        took_ns = latch.after_ns - latch.before_ns
        self._asked += 1
        wait_ns = FIRST_EVERY_NS if self._asked < FIRST_LATCHES else EVERY_NS
        self.next_ns = latch.after_ns + (SLOW_EVERY_NS if took_ns > SLOW_NS else wait_ns)
        expected_ns = None if self._fit is None else self._fit.mapped(latch.camera_ns)
        if expected_ns is not None and not (
            latch.before_ns - SLACK_NS <= expected_ns <= latch.after_ns + SLACK_NS  # by drift alone it stays within
        ):
            self._forget(latch.after_ns)
        self._latches.append(latch)
        self._fit = _fitted(self._latches)

    def moment(self, stamp_ns: int | None, seen_ns: int) -> Moment:
        """Return when a frame was triggered.

        Args:
            stamp_ns: The camera's time stamp; None when it has none.
            seen_ns: When its buffer was seen here.
        """
        if stamp_ns is not None and self._fit is not None:
            if (mapped_ns := self._mapped(stamp_ns, seen_ns)) is not None:
                return Moment(mapped_ns - self._stamp_late_ns, "camera")
            self._forget(seen_ns)
        return Moment(seen_ns - self._transport_ns, "host")

    def event_moment(self, stamp_ns: int | None, seen_ns: int) -> Moment:
        """Return when a trigger came that an event tells; a stamp of another clock is left, and nothing follows of it.

        Args:
            stamp_ns: Of the edge, by the camera's clock; None when the event has none.
            seen_ns: When the event was seen here: events do not wait for pictures, so no transport is taken off.
        """
        mapped_ns = None if stamp_ns is None else self._mapped(stamp_ns, seen_ns)
        return Moment(seen_ns, "host") if mapped_ns is None else Moment(mapped_ns, "camera")

    def _mapped(self, stamp_ns: int, seen_ns: int) -> int | None:
        """Return the host's time of a stamp; None when that cannot be."""
        mapped_ns = None if self._fit is None else self._fit.mapped(stamp_ns)
        is_possible = mapped_ns is not None and seen_ns - OLDEST_NS <= mapped_ns <= seen_ns + SLACK_NS
        return min(mapped_ns, seen_ns) if mapped_ns is not None and is_possible else None

    def _forget(self, now_ns: int) -> None:
        self.jumps += 1
        self._latches.clear()
        self._fit = None
        self._asked, self.next_ns = 0, now_ns


class _Fit(NamedTuple):
    """A straight line through latches, from one of them: ns since 1970, and their squares, would not fit a float."""

    zero: Latch
    mean_x: float
    mean_y: float
    drift: float

    def mapped(self, camera_ns: int) -> int:
        """Return the host's time."""
        x = camera_ns - self.zero.camera_ns - self.mean_x
        return camera_ns + _offset(self.zero) + round(self.mean_y + self.drift * x)


def _fitted(latches: Iterable[Latch]) -> _Fit:
    """Return the line through the quicker half of latches."""
    quick = sorted(latches, key=lambda latch: latch.after_ns - latch.before_ns)
    quick = quick[: max(1, (len(quick) + 1) // 2)]
    zero = quick[0]
    xs = [float(latch.camera_ns - zero.camera_ns) for latch in quick]
    ys = [float(_offset(latch) - _offset(zero)) for latch in quick]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    drift = 0.0
    if max(xs) - min(xs) >= FIT_FROM_NS:
        spread = sum((x - mean_x) ** 2 for x in xs)
        drift = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    return _Fit(zero, mean_x, mean_y, drift)


def _offset(latch: Latch) -> int:
    return (latch.before_ns + latch.after_ns) // 2 - latch.camera_ns
