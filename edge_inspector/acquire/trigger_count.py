"""How many triggers came, from where the configuration says that they are counted. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

from edge_inspector.acquire.frame_ids import MAX_LOST
from edge_inspector.core.errors import CameraLostError

CountSource = Literal["frame_id", "counter", "over_trigger"]
COUNTER_CYCLE = 2**32
"""SFNC counters have 32 bits in most cameras."""


class Counted(NamedTuple):
    """What one frame says about the triggers."""

    missed: int
    """Triggers before it that brought no picture and were not told yet."""
    fault: str | None = None
    """Why the frame itself cannot be the picture of a part; None if it can."""


class TriggerCount:
    """Follows the triggers of one acquisition.

    Args:
        source: Where they are counted.
        starts_at: What the counter showed when the last trigger that was told had come: 0 when it was set to 0 for
            this acquisition, more where a killed predecessor told some; None when nobody knows.
        who: Name of the camera, for the error.
    """

    def __init__(self, source: CountSource, starts_at: int | None, who: str) -> None:
        self._counts = source == "counter"
        self._last = starts_at
        self._is_first = True
        self._told = 0  # triggers told since the last frame that brought its count
        self._who = who

    @property
    def value(self) -> int:
        """What the counter shows when all that was told is told; -1 where nobody knows."""
        return self._last + self._told if self._counts and self._last is not None else -1

    def broken(self, lost: int) -> int:
        """Take note of a frame that is not whole, so brings no count; returns the triggers missed before it.

        Args:
            lost: Frames missing before it by frame id.
        """
        self._told += lost + 1
        return lost

    def whole(self, lost: int, counter: int | None) -> Counted:
        """Take note of a whole frame.

        Args:
            lost: Frames missing before it by frame id.
            counter: Its trigger count; None when it brought none.

        Raises:
            CameraLostError: The count jumped back or absurdly far: the camera started again.
        """
        if not self._counts:
            return Counted(lost)
        if counter is None:
            return Counted(self.broken(lost), "its trigger count is missing")
        last, told, is_first = self._last, self._told, self._is_first
        self._is_first = False
        if last is None or (is_first and not 0 <= counter - last <= MAX_LOST):
            # Nobody knows, or it began anew with the camera's power: it is where counting begins.
            self._last, self._told = counter, 0
            return Counted(lost)
        step = counter - last
        if step < 0 and last > COUNTER_CYCLE - MAX_LOST:
            step += COUNTER_CYCLE
        if not 0 <= step <= MAX_LOST:
            raise CameraLostError(
                f"the trigger counter of camera {self._who} went from {last} to {counter}: it started again by itself "
                "and triggers were missed; check its power supply and that no other program controls it"
            )
        if step == 0 and not told:
            return Counted(0, "it came without a trigger")
        self._last, self._told = counter, 0
        if step - 1 < told:  # a broken frame and this one share a trigger: either may be the one without
            return Counted(0, "more frames came than triggers")
        return Counted(step - 1 - told)
