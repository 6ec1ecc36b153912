"""Which triggers are missing, from the numbers that a camera gives its frames. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from edge_inspector.core.errors import CameraLostError

GEV_CYCLE = 65535
"""Block ids of GigE Vision 1.x go 1, 2, ... 65535, 1: zero is left out."""
MAX_LOST = 100_000
"""A larger gap is not a loss but another count: minutes of a fast line."""
_MAX_INCOMPLETE_STEP = 100
"""An incomplete frame may have lost the packet that held its number; a number further off is not believed."""


_MAX_BEHIND = 16
"""A picture that comes after its successors overtook few; an id further back is another count."""


class Followed(NamedTuple):
    """What a complete buffer's number says."""

    lost: int
    """Frames missing before it that were not told yet."""
    frame_id: int
    """Unwrapped; the id before again for a second buffer of that number."""
    is_behind: bool = False
    """It came after its successor, which already told it as lost."""


def unwrap(raw: int, last: int) -> int:
    """Return the frame id that a 16-bit GigE Vision block id stands for, nearest to the id before it.

    Args:
        raw: What the buffer says. Above 65535 the camera counts in 64 bit (GigE Vision 2.x): returned as it is.
        last: The unwrapped id before.

    Returns:
        An id that rises by one where the block id goes from 65535 to 1. Smaller than `last` where the block id
        went backwards: less than half a cycle is missing in any believable gap.
    """
    if raw > GEV_CYCLE:
        return raw
    step = (raw - last) % GEV_CYCLE
    if step > GEV_CYCLE // 2:
        step -= GEV_CYCLE
    return last + step


class FrameIds:
    """Follows the frame ids of one acquisition and says how many triggers are missing before each buffer.

    Incomplete buffers are triggers too: what they account for is not counted again as lost, even when their own
    number cannot be read.

    Args:
        wraps: True for GigE Vision, whose block ids may be 16 bit.
        who: Name of the camera, for the error.
    """

    def __init__(self, wraps: bool, who: str) -> None:
        self._wraps = wraps
        self._who = who
        self._last: int | None = None
        self._accounted = 0  # arrivals since the last complete frame
        self._given_up: deque[int] = deque(maxlen=_MAX_BEHIND)

    def complete(self, raw: int | None) -> Followed:
        """Take note of a complete buffer.

        Args:
            raw: Its frame id; None when the producer has none: then frames are counted and losses stay unseen.

        Returns:
            What follows. A second buffer of the same number fills one of the gaps to come: `again` takes that back.

        Raises:
            CameraLostError: The ids jumped back or absurdly far: the camera started again, parts are missing.
        """
        if raw is not None and raw > GEV_CYCLE:
            self._wraps = False  # it counts in 64 bit: a small number from now on is a restart
        if self._last is None:
            # Nothing is known of what came before the first frame: it is where counting begins.
            self._last, self._accounted = (1 if raw is None else raw), 0
            return Followed(0, self._last)
        frame_id = self._last + 1 + self._accounted if raw is None else self._unwrap(raw)
        step = frame_id - self._last
        if step < 0 and frame_id in self._given_up:
            self._given_up.remove(frame_id)
            return Followed(0, frame_id, is_behind=True)
        if step < 0 or step > MAX_LOST:
            raise CameraLostError(
                f"camera {self._who} went from frame id {self._last} to {raw}: it started again by itself and "
                "triggers were missed; check its power supply and that no other program controls it"
            )
        if step == 0:
            self._accounted += 1  # a part of its own under a wrong number: the one that is missing next is its own
            return Followed(0, frame_id)
        lost = max(0, step - 1 - self._accounted)
        self._given_up.extend(range(frame_id - lost, frame_id)[-_MAX_BEHIND:])
        self._last = frame_id
        self._accounted = 0
        return Followed(lost, frame_id)

    def again(self) -> None:
        """Take back that the buffer just noted fills a gap: it was the one before, delivered twice."""
        self._accounted -= 1

    def incomplete(self, raw: int | None) -> tuple[int, int]:
        """Take note of an incomplete buffer; as `complete`, but never raises.

        Returns:
            (triggers lost before it, unwrapped frame id or -1 when its number is not believable).
        """
        if raw is None or self._last is None:
            self._accounted += self._last is not None
            return 0, -1
        frame_id = self._unwrap(raw)
        lost = frame_id - self._last - 1 - self._accounted
        if not 0 <= lost <= _MAX_INCOMPLETE_STEP:
            self._accounted += 1
            return 0, -1
        self._accounted += lost + 1
        self._given_up.extend(range(frame_id - lost, frame_id))
        return lost, frame_id

    def _unwrap(self, raw: int) -> int:
        assert self._last is not None
        return unwrap(raw, self._last) if self._wraps else raw
