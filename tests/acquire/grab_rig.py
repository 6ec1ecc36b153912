"""A grabber on fake buffers: a stream, what a camera tells beside it, and a clock that only moves when told."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genicam import gentl

from edge_inspector.acquire.camera_clock import Latch
from edge_inspector.acquire.grab import Grabber
from edge_inspector.acquire.pixels import FORMATS
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.core.frame import Arrival, ArrivalKind, FrameShape

FRAME, LOST = ArrivalKind.FRAME, ArrivalKind.LOST
INCOMPLETE, INVALID = ArrivalKind.INCOMPLETE, ArrivalKind.INVALID
SHAPE = FrameShape(4, 6, 1)
N_BYTES = SHAPE.n_bytes
MONO8 = FORMATS[0]
PERIOD_NS = 10_000_000
SEVERAL_PARTS, FLAT_PICTURE, DEPTH_MAP = 10, 1, 6


@dataclass
class FakeBuffer:
    """What a producer says of one buffer; a name in `unsaid` raises, as gentl does."""

    frame_id: int
    width: int = SHAPE.width
    height: int = SHAPE.height
    pixel_format: int = MONO8.code
    padding_x: int = 0
    image_offset: int = 0
    size_filled: int = N_BYTES
    delivered_image_height: int = SHAPE.height
    payload_type: int = 1
    is_whole: bool = True
    is_too_large: bool = False
    raw_buffer: bytes | bytearray = b""
    parts: tuple[Any, ...] = ()
    unsaid: frozenset[str] = frozenset()
    timestamp_ns: int = 0
    values: dict[str, int | None] = field(default_factory=dict)
    """Chunk data."""

    def __post_init__(self) -> None:
        frame_id = object.__getattribute__(self, "frame_id")
        self.raw_buffer = bytearray(self.raw_buffer or bytes([frame_id % 256]) * (N_BYTES + 64))

    def __getattribute__(self, name: str) -> Any:
        if name != "unsaid" and name in object.__getattribute__(self, "unsaid"):
            raise gentl.NotAvailableException("not said")
        return object.__getattribute__(self, name)

    def is_complete(self) -> bool:
        return self.is_whole

    def has_received_larger_payload(self) -> bool:
        return self.is_too_large


@dataclass
class FakePart:
    data_type: int = FLAT_PICTURE
    width: int = SHAPE.width
    height: int = SHAPE.height
    data_format: int = MONO8.code
    x_padding: int = 0
    data_offset: int = 0
    data_size: int = N_BYTES
    delivered_image_height: int = SHAPE.height


@dataclass
class FakeStream:
    """Buffers at a steady rate on a clock of its own; overwrites what is given back, as a producer does."""

    buffers: deque[Any]
    ns: int = 1_000_000_000
    is_there: bool = True
    given_back: list[Any] = field(default_factory=list)
    looks: int = 0

    def take(self) -> Any | None:
        self.looks += 1
        if not self.buffers:
            return None
        self.ns += PERIOD_NS
        buffer = self.buffers.popleft()
        if isinstance(buffer, Exception):
            raise buffer
        return buffer

    def give_back(self, buffer: Any) -> None:
        self.given_back.append(buffer)
        buffer.raw_buffer[:] = bytes(len(buffer.raw_buffer))  # in place: who still looks at it sees zeros

    def is_reachable(self) -> bool:
        return self.is_there

    def now_ns(self) -> int:
        return self.ns

    def sleep_s(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


@dataclass
class FakeMeters:
    """Chunk data of fake buffers, a camera's clock, and over-triggers that are waiting."""

    stream: FakeStream
    clock_offset_ns: int | None = None
    """None: it cannot be asked for its time."""
    over: list[int | None] = field(default_factory=list)
    asked: int = 0

    def chunks(self, buffer: Any, names: Sequence[str]) -> list[int | None]:
        return [buffer.values.get(name) for name in names]

    def latch(self) -> Latch | None:
        self.asked += 1
        if self.clock_offset_ns is None:
            return None
        return Latch(self.stream.ns + self.clock_offset_ns, self.stream.ns, self.stream.ns)

    def over_triggers(self) -> list[int | None]:
        over, self.over = self.over, []
        return over


def make_grabber(*buffers: Any, **plan: Any) -> tuple[Grabber, FakeStream]:
    stream = FakeStream(deque(buffers))
    whole_plan = GenicamPlan("cam0", SHAPE, "maker.cti", "S1", **plan)
    meters = FakeMeters(stream)
    return Grabber(stream, meters, whole_plan, MONO8, False, now_ns=stream.now_ns, sleep_s=stream.sleep_s), stream


def grab(*buffers: Any, **plan: Any) -> list[Arrival]:
    """Everything that a row of buffers becomes; each of them must have been given back."""
    grabber, stream = make_grabber(*buffers, **plan)
    arrivals = []
    while (arrival := grabber.fetch(0.0)) is not None:
        pixels = None if arrival.pixels is None else arrival.pixels.copy()  # they go with the next fetch
        arrivals.append(replace(arrival, pixels=pixels))
    assert stream.given_back == list(buffers)
    return arrivals


def kinds_and_ids(arrivals: list[Arrival]) -> list[tuple[ArrivalKind, int]]:
    return [(arrival.kind, arrival.frame_id) for arrival in arrivals]
