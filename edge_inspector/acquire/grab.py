"""From the buffers of a stream to arrivals: what is broken, missing or whole."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from genicam import gentl

from edge_inspector.acquire.frame_ids import FrameIds
from edge_inspector.acquire.image_part import BadBuffer, find_image, value_or
from edge_inspector.acquire.pixels import PixelFormat, copy_to_rgb
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import CameraLostError
from edge_inspector.core.frame import Arrival, ArrivalKind
from edge_inspector.core.logs import get_log

log = get_log(__name__)

POLL_S = 0.0005
"""Between two looks at the queue: asking GenTL to wait would hold the GIL all that time."""
HEALTH_S = 0.5
"""Between two checks that the camera can still be reached."""


class Stream(Protocol):
    """The buffers of one armed camera."""

    def take(self) -> Any | None:
        """Return the oldest filled `genicam.gentl.Buffer`, None when none is filled. Does not wait."""
        ...

    def give_back(self, buffer: Any) -> None:
        """Return a buffer to the producer, which overwrites it at once."""
        ...

    def is_reachable(self) -> bool:
        """Return whether the camera can still be reached."""
        ...


class Grabber:
    """Turns buffers into arrivals, in the order of their triggers. One thread, one acquisition.

    Args:
        stream: Where the buffers come from.
        plan: What they should be.
        pixel_format: How their pixels are to be read.
        wraps: True when frame ids may be GigE Vision's 16-bit ones.
        now_ns: The monotonic clock.
        sleep_s: How to wait.
    """

    def __init__(
        self,
        stream: Stream,
        plan: GenicamPlan,
        pixel_format: PixelFormat,
        wraps: bool,
        now_ns: Callable[[], int] = monotonic_ns,
        sleep_s: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stream = stream
        self._plan = plan
        self._format = pixel_format
        self._ids = FrameIds(wraps, plan.name)
        self._now_ns = now_ns
        self._sleep_s = sleep_s
        self._pixels = np.empty(plan.frame.hwc, np.uint8)
        self._ready: deque[Arrival] = deque()
        self._frame_id = -1
        self._heard_ns = self._checked_ns = now_ns()
        self._last_trigger_ns: int | None = None
        self._complaints: set[str] = set()

    def fetch(self, timeout_s: float) -> Arrival | None:
        """Return the next arrival; see the `Camera` port.

        Raises:
            CameraLostError: The camera cannot be reached, is silent for too long, or counts its frames anew.
        """
        until_ns = self._now_ns() + round(timeout_s * 1e9)
        while not self._ready:
            try:
                self._check_health()
                buffer = self._stream.take()
                if buffer is not None:
                    self._judge(buffer)
                    continue
            except gentl.GenericException as error:
                raise self._lost(f"stopped answering ({error})") from error
            left_s = (until_ns - self._now_ns()) / 1e9
            if left_s <= 0:
                return None
            self._sleep_s(min(POLL_S, left_s))
        return self._ready.popleft()

    def _judge(self, buffer: Any) -> None:
        self._heard_ns = self._now_ns()
        trigger_ns = self._heard_ns - round(self._plan.transport_ms * 1e6)
        try:
            raw_id = value_or(buffer, "frame_id", None)
            if not _is_complete(buffer):
                lost, frame_id = self._ids.incomplete(raw_id)
                self._deliver(lost, frame_id, ArrivalKind.INCOMPLETE, trigger_ns)
                return
            lost, frame_id = self._ids.complete(raw_id)
            kind = self._copy(buffer, frame_id)
            self._frame_id = frame_id
            self._deliver(lost, frame_id, kind, trigger_ns)
        finally:
            # Everything was copied out: giving back a buffer sets its memory to zero.
            self._stream.give_back(buffer)

    def _copy(self, buffer: Any, frame_id: int) -> ArrivalKind:
        """Copy a complete buffer's picture into the grabber's own memory, or say INVALID and log why once."""
        try:
            if frame_id == self._frame_id:
                raise BadBuffer("the frame id came twice")
            image = find_image(buffer, self._plan.frame, self._format)
            copy_to_rgb(buffer.raw_buffer, image.offset, image.padding_x, self._format, self._pixels)
        except (BadBuffer, ValueError) as error:
            why = str(error)
            if why not in self._complaints and len(self._complaints) < 100:
                self._complaints.add(why)
                log.warning("frame_refused", camera=self._plan.name, why=why)
            return ArrivalKind.INVALID
        return ArrivalKind.FRAME

    def _deliver(self, lost: int, frame_id: int, kind: ArrivalKind, trigger_ns: int) -> None:
        before_ns = trigger_ns if self._last_trigger_ns is None else self._last_trigger_ns
        for k in range(lost):
            # Nobody saw these triggers. On a line that runs evenly they came evenly.
            guess_ns = before_ns + (trigger_ns - before_ns) * (k + 1) // (lost + 1)
            self._ready.append(Arrival(ArrivalKind.LOST, frame_id - lost + k, guess_ns, "host"))
        pixels = self._pixels if kind is ArrivalKind.FRAME else None
        self._ready.append(Arrival(kind, frame_id, trigger_ns, "host", pixels))
        self._last_trigger_ns = trigger_ns

    def _check_health(self) -> None:
        now_ns = self._now_ns()
        if now_ns - self._checked_ns < HEALTH_S * 1e9:
            return
        self._checked_ns = now_ns
        if not self._stream.is_reachable():
            raise self._lost("can no longer be reached")
        silent_s = (now_ns - self._heard_ns) / 1e9
        if not self._plan.triggered and silent_s > self._plan.lost_after_s:
            raise self._lost(
                f"sent nothing for {silent_s:.1f} s (it should run freely; camera.triggered: true if it waits for a "
                "trigger)"
            )

    def _lost(self, what: str) -> CameraLostError:
        serial = f" (serial {self._plan.serial})" if self._plan.serial else ""
        return CameraLostError(
            f"camera {self._plan.name}{serial} {what}; check its power and cable, then run "
            f"`edge-inspector camera list --cti {self._plan.cti}`"
        )


def _is_complete(buffer: Any) -> bool:
    try:
        return bool(buffer.is_complete())
    except gentl.GenericException:
        return False  # a producer that cannot say is not believed
