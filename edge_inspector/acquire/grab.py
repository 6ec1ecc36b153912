"""From the buffers of a stream to arrivals: what is broken, missing or whole."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from genicam import gentl

from edge_inspector.acquire.camera_clock import CameraClock, Latch, Moment
from edge_inspector.acquire.encoder import Encoder
from edge_inspector.acquire.frame_ids import Followed, FrameIds
from edge_inspector.acquire.image_part import BadBuffer, find_image, value_or
from edge_inspector.acquire.look_pace import look_pace_s
from edge_inspector.acquire.over_triggers import OverTrigger, OverTriggers
from edge_inspector.acquire.pixels import PixelFormat, copy_to_rgb, rows_in
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.acquire.trigger_count import TriggerCount
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import CameraLostError
from edge_inspector.core.frame import PICTURED, U8, Arrival, ArrivalKind, Travel
from edge_inspector.core.logs import get_log

log = get_log(__name__)

MOST_REPEATS = 3
"""A buffer is delivered twice now and then. A camera whose number and time stand still takes pictures that nobody would
judge: from here on they are parts, UNKNOWN."""
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


class Meters(Protocol):
    """What an armed camera tells beside its pictures."""

    def chunks(self, buffer: Any, names: Sequence[str]) -> list[int | None]:
        """Return the values that came with a buffer which was not given back; None for one that did not come."""
        ...

    def latch(self) -> Latch | None:
        """Ask the camera for its time; None if it cannot tell."""
        ...

    def over_triggers(self) -> list[int | None]:
        """Return the triggers that it could not take since it was last asked. Does not wait.

        Each is its time by the camera's clock, in ns; None where that is not known.
        """
        ...


class Grabber:
    """Turns buffers into arrivals, in the order of their triggers. One thread, one acquisition.

    Args:
        stream: Where the buffers come from.
        meters: Where chunk data, the camera's time and its events come from.
        plan: What they should be.
        pixel_format: How their pixels are to be read.
        wraps: True when frame ids may be GigE Vision's 16-bit ones.
        counts_from: See `TriggerCount`.
        now_ns: The monotonic clock.
        sleep_s: How to wait.
    """

    def __init__(
        self,
        stream: Stream,
        meters: Meters,
        plan: GenicamPlan,
        pixel_format: PixelFormat,
        wraps: bool,
        *,
        counts_from: int | None = None,
        now_ns: Callable[[], int] = monotonic_ns,
        sleep_s: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stream, self._meters = stream, meters
        self._plan = plan
        self._format = pixel_format
        self._ids = FrameIds(wraps, plan.name)
        self._count = TriggerCount(plan.count_source, counts_from, plan.name)
        self._encoder = None if plan.encoder is None else Encoder(plan.encoder)
        delays_ns = round(plan.transport_ms * 1e6), round(plan.stamp_late_us * 1e3)
        self._clock = CameraClock(*delays_ns)
        self._over = OverTriggers(*delays_ns)
        self._latches = plan.clock == "auto"
        self._chunks = chunk_names(plan)
        self._now_ns = now_ns
        self._sleep_s = sleep_s
        self._converted = np.empty(plan.frame.hwc, np.uint8)
        self._pixels: U8 = self._converted
        self._lent: Any | None = None  # the buffer whose own memory the caller has as pixels
        self._ready: deque[Arrival] = deque()
        self._former: tuple[int, int | None] = (-1, None)  # frame id and time stamp
        self._repeats = 0  # discarded one after the other
        self._heard_ns = self._checked_ns = now_ns()
        self._last_trigger_ns: int | None = None
        self._is_timed = False  # the newest trigger has its time from the camera's clock
        self._complaints: set[str] = set()
        self.discarded = 0
        """Buffers that were no trigger of their own: delivered twice, or after their successor."""

    def fetch(self, timeout_s: float) -> Arrival | None:
        """Return the next arrival; see the `Camera` port.

        Raises:
            CameraLostError: The camera cannot be reached, is silent for too long, or counts its frames anew.
        """
        until_ns = self._now_ns() + round(timeout_s * 1e9)
        while not self._ready:
            try:
                self._take_back()
                self._look_after()
                buffer = self._stream.take()
                if buffer is not None:
                    self._take(buffer)
                    continue
            except gentl.GenericException as error:
                raise self._lost(f"stopped answering ({error})") from error
            left_s = (until_ns - self._now_ns()) / 1e9
            if left_s <= 0:
                return None
            self._sleep_s(min(look_pace_s(self._now_ns() - self._heard_ns, self._is_timed), left_s))
        return self._ready.popleft()

    def _take(self, buffer: Any) -> None:
        self._heard_ns = self._now_ns()
        self._hear_over_triggers()  # after the frame was taken: what came before it has been told by now
        stamp_ns = value_or(buffer, "timestamp_ns", None) or None
        try:
            moment = self._clock.moment(stamp_ns, self._heard_ns)
            raw_id = value_or(buffer, "frame_id", None)
            if not _is_complete(buffer):
                lost, frame_id = self._ids.incomplete(raw_id)
                self._miss(self._over.before(stamp_ns, lost > 0))
                self._deliver(self._count.broken(lost), frame_id, ArrivalKind.INCOMPLETE, moment)
                self._miss(self._over.after(stamp_ns))
                return
            followed = self._ids.complete(raw_id)
            is_again = followed.frame_id == self._former[0]
            is_repeated = is_again and stamp_ns is not None and stamp_ns == self._former[1]
            if followed.is_behind or (is_repeated and self._repeats < MOST_REPEATS):
                self._repeats += is_repeated
                self._discard(followed, stamp_ns)
                return
            self._repeats = 0 if not is_repeated else self._repeats
            self._former = followed.frame_id, stamp_ns
            self._miss(self._over.before(stamp_ns, followed.lost > 0))
            self._judge(buffer, followed, is_again, moment)
            self._miss(self._over.after(stamp_ns))
        finally:
            # Giving back a buffer sets its memory to zero: not before everything was copied out.
            if buffer is not self._lent:
                self._stream.give_back(buffer)

    def _take_back(self) -> None:
        """Give back the buffer whose pixels the caller had: it asked for the next, so it has copied them."""
        lent, self._lent = self._lent, None
        if lent is not None:
            self._stream.give_back(lent)

    def _judge(self, buffer: Any, followed: Followed, is_again: bool, moment: Moment) -> None:
        """Deliver what a whole buffer is: the picture of a part that is known, or why it is not."""
        values = dict(zip(self._chunks, self._meters.chunks(buffer, self._chunks), strict=True)) if self._chunks else {}
        counted = self._count.whole(followed.lost, values.get(self._plan.count_chunk))
        kind = ArrivalKind.FRAME
        if is_again or counted.fault is not None:
            kind = self._refuse(counted.fault or "the frame id came twice", ArrivalKind.INVALID)
        travel = None
        if self._encoder is not None and self._plan.encoder is not None:
            travel, fault = self._encoder.follow(values.get(self._plan.encoder.chunk), moment.trigger_ns)
            if fault is not None and kind is ArrivalKind.FRAME:
                kind = self._refuse(fault, ArrivalKind.ENCODER)
        if kind in PICTURED and (read := self._read(buffer)) is not ArrivalKind.FRAME:
            kind = read
        self._deliver(counted.missed, followed.frame_id, kind, moment, travel)

    def _read(self, buffer: Any) -> ArrivalKind:
        """Make a complete buffer's picture `_pixels`, or say INVALID and log why once.

        What needs no conversion is copied once, by the caller: of a large frame that is most of the work.
        """
        frame, pixel_format = self._plan.frame, self._format
        try:
            image = find_image(buffer, frame, pixel_format)
            where = buffer.raw_buffer, image.offset, image.padding_x
            if pixel_format.is_plain:
                self._pixels, self._lent = rows_in(*where, pixel_format, frame).reshape(frame.hwc), buffer
            else:
                copy_to_rgb(*where, pixel_format, self._converted)
                self._pixels = self._converted
        except (BadBuffer, ValueError) as error:
            return self._refuse(str(error), ArrivalKind.INVALID)
        return ArrivalKind.FRAME

    def _refuse(self, why: str, kind: ArrivalKind) -> ArrivalKind:
        if why not in self._complaints and len(self._complaints) < 100:
            self._complaints.add(why)
            log.warning("frame_refused", camera=self._plan.name, why=why)
        return kind

    def _discard(self, followed: Followed, stamp_ns: int | None) -> None:
        if not followed.is_behind:
            self._ids.again()
        self.discarded += 1
        log.warning("buffer_discarded", camera=self._plan.name, frame_id=followed.frame_id, stamp_ns=stamp_ns)

    def _deliver(
        self, lost: int, frame_id: int, kind: ArrivalKind, moment: Moment, travel: Travel | None = None
    ) -> None:
        before_ns = moment.trigger_ns if self._last_trigger_ns is None else self._last_trigger_ns
        count = self._count.value
        for k in range(lost):
            # Nobody saw these triggers. On a line that runs evenly they came evenly.
            guess_ns = before_ns + (moment.trigger_ns - before_ns) * (k + 1) // (lost + 1)
            told = count - lost + k if count >= 0 else -1
            missing_id = max(frame_id - lost + k, -1)  # a camera that counts from 0 gave none to what came before
            self._ready.append(Arrival(ArrivalKind.LOST, missing_id, guess_ns, "host", count=told))
        pixels = self._pixels if kind in PICTURED else None
        self._ready.append(Arrival(kind, frame_id, moment.trigger_ns, moment.source, pixels, travel, count))
        self._last_trigger_ns, self._is_timed = moment.trigger_ns, moment.source == "camera"

    def _hear_over_triggers(self) -> None:
        if self._plan.count_source == "over_trigger":
            self._over.told(self._meters.over_triggers(), self._now_ns())

    def _miss(self, found: Sequence[OverTrigger]) -> None:
        """Deliver triggers that the camera could not take."""
        for one in found:
            trigger_ns, source = self._clock.event_moment(*one)
            if self._last_trigger_ns is not None:  # they came after what was told, whatever two clocks say
                trigger_ns = max(trigger_ns, self._last_trigger_ns)
            self._deliver(0, -1, ArrivalKind.LOST, Moment(trigger_ns, source))

    def _look_after(self) -> None:
        """Do what is due between two buffers: over-triggers, the camera's time, whether it is still there."""
        self._hear_over_triggers()
        now_ns = self._now_ns()
        self._miss(self._over.overdue(now_ns))
        if self._latches and now_ns >= self._clock.next_ns:
            self._latch()
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

    def _latch(self) -> None:
        latch = self._meters.latch()
        if latch is None:
            self._latches = False
            log.info("camera_clock_not_latched", camera=self._plan.name, detail="trigger times are the host's")
            return
        self._clock.latched(latch)

    def _lost(self, what: str) -> CameraLostError:
        serial = f" (serial {self._plan.serial})" if self._plan.serial else ""
        return CameraLostError(
            f"camera {self._plan.name}{serial} {what}; check its power and cable, then run "
            f"`edge-inspector camera list --cti {self._plan.cti}`"
        )


def chunk_names(plan: GenicamPlan) -> tuple[str, ...]:
    """Return the chunk nodes that a plan needs with each frame."""
    names = (plan.count_chunk if plan.count_source == "counter" else None, plan.encoder.chunk if plan.encoder else None)
    return tuple(dict.fromkeys(name for name in names if name is not None))


def _is_complete(buffer: Any) -> bool:
    try:
        return bool(buffer.is_complete())
    except gentl.GenericException:
        return False  # a producer that cannot say is not believed
