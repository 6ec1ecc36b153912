from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from genicam import gentl

from edge_inspector.acquire.camera_clock import Latch
from edge_inspector.acquire.encoder import EncoderPlan
from edge_inspector.acquire.grab import Grabber
from edge_inspector.acquire.pixels import FORMATS
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.core.errors import CameraLostError
from edge_inspector.core.frame import Arrival, ArrivalKind, FrameShape, Travel

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

    def take(self) -> Any | None:
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
    over: int = 0
    asked: int = 0

    def chunks(self, buffer: Any, names: Sequence[str]) -> list[int | None]:
        return [buffer.values.get(name) for name in names]

    def latch(self) -> Latch | None:
        self.asked += 1
        if self.clock_offset_ns is None:
            return None
        return Latch(self.stream.ns + self.clock_offset_ns, self.stream.ns, self.stream.ns)

    def over_triggers(self) -> int:
        over, self.over = self.over, 0
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


def test_a_picture_is_what_its_buffer_held() -> None:
    (arrival,) = grab(FakeBuffer(7))

    assert arrival.pixels is not None
    assert arrival.pixels.shape == SHAPE.hwc
    assert (arrival.pixels == 7).all()


def test_lost_triggers_come_before_the_picture_that_shows_their_loss() -> None:
    arrivals = grab(FakeBuffer(1), FakeBuffer(4))

    assert kinds_and_ids(arrivals) == [(FRAME, 1), (LOST, 2), (LOST, 3), (FRAME, 4)]
    assert all(arrival.pixels is None for arrival in arrivals if arrival.kind is LOST)
    assert arrivals[-1].pixels is not None
    assert (arrivals[-1].pixels == 4).all()


def test_lost_triggers_are_spread_over_the_time_between_their_neighbours() -> None:
    before, *lost, after = (arrival.trigger_ns for arrival in grab(FakeBuffer(1), FakeBuffer(5)))

    step = (after - before) // 4
    assert lost == [before + step, before + 2 * step, before + 3 * step]


def test_an_incomplete_frame_is_one_arrival_and_no_loss_beside_it() -> None:
    arrivals = grab(FakeBuffer(1), FakeBuffer(2, is_whole=False), FakeBuffer(3))

    assert kinds_and_ids(arrivals) == [(FRAME, 1), (INCOMPLETE, 2), (FRAME, 3)]


def test_an_incomplete_frame_that_lost_its_number_is_no_loss_either() -> None:
    numberless = FakeBuffer(2, is_whole=False, unsaid=frozenset({"frame_id"}))

    assert kinds_and_ids(grab(FakeBuffer(1), numberless, FakeBuffer(3))) == [(FRAME, 1), (INCOMPLETE, -1), (FRAME, 3)]


def test_a_producer_that_cannot_say_whether_a_frame_is_complete_is_not_believed() -> None:
    (arrival,) = grab(FakeBuffer(1, unsaid=frozenset({"is_whole"})))

    assert arrival.kind is INCOMPLETE


def test_endless_incomplete_frames_do_not_hold_a_fetch() -> None:
    grabber, stream = make_grabber(*(FakeBuffer(k, is_whole=False) for k in range(1, 100)))

    arrival = grabber.fetch(0.0)

    assert arrival is not None
    assert arrival.kind is INCOMPLETE
    assert len(stream.given_back) == 1


@pytest.mark.parametrize(
    "broken",
    [
        FakeBuffer(2, width=SHAPE.width - 1),
        FakeBuffer(2, height=SHAPE.height - 1),
        FakeBuffer(2, height=SHAPE.height + 1),
        FakeBuffer(2, pixel_format=0x02180014),
        FakeBuffer(2, pixel_format=0x80000001),
        FakeBuffer(2, size_filled=N_BYTES - 1),
        FakeBuffer(2, size_filled=N_BYTES, image_offset=1),
        FakeBuffer(2, size_filled=N_BYTES, padding_x=1),
        FakeBuffer(2, raw_buffer=bytes(N_BYTES - 1)),
        FakeBuffer(2, delivered_image_height=SHAPE.height - 1),
        FakeBuffer(2, is_too_large=True),
        FakeBuffer(2, payload_type=2),
        FakeBuffer(2, unsaid=frozenset({"size_filled"})),
        FakeBuffer(2, payload_type=SEVERAL_PARTS),
        FakeBuffer(2, payload_type=SEVERAL_PARTS, parts=(FakePart(data_type=DEPTH_MAP),)),
        FakeBuffer(2, payload_type=SEVERAL_PARTS, parts=(FakePart(width=5),)),
        FakeBuffer(2, payload_type=SEVERAL_PARTS, parts=(FakePart(data_size=N_BYTES - 1),)),
    ],
)
def test_a_frame_that_is_not_what_was_configured_is_invalid(broken: FakeBuffer) -> None:
    arrivals = grab(FakeBuffer(1), broken, FakeBuffer(3))

    assert kinds_and_ids(arrivals) == [(FRAME, 1), (INVALID, 2), (FRAME, 3)]
    assert arrivals[1].pixels is None


@pytest.mark.parametrize(
    "odd",
    [
        FakeBuffer(1, unsaid=frozenset({"width", "height", "pixel_format", "padding_x", "image_offset"})),
        FakeBuffer(1, delivered_image_height=0),
        FakeBuffer(1, unsaid=frozenset({"delivered_image_height", "payload_type"})),
        FakeBuffer(1, payload_type=4),
        FakeBuffer(1, payload_type=SEVERAL_PARTS, parts=(FakePart(data_type=DEPTH_MAP), FakePart(data_offset=9))),
    ],
)
def test_a_producer_that_says_little_is_believed_when_all_bytes_came(odd: FakeBuffer) -> None:
    (arrival,) = grab(odd)

    assert arrival.kind is FRAME


def test_padding_and_offset_are_left_out() -> None:
    rows = np.arange(N_BYTES, dtype=np.uint8).reshape(SHAPE.height, SHAPE.width)
    memory = b"\xff" * 5 + np.pad(rows, ((0, 0), (0, 2)), constant_values=255).tobytes()

    (arrival,) = grab(FakeBuffer(1, padding_x=2, image_offset=5, size_filled=len(memory), raw_buffer=memory))

    assert arrival.pixels is not None
    assert np.array_equal(arrival.pixels[:, :, 0], rows)


def test_a_frame_that_comes_twice_is_invalid_the_second_time() -> None:
    assert kinds_and_ids(grab(FakeBuffer(1), FakeBuffer(1), FakeBuffer(2))) == [(FRAME, 1), (INVALID, 1), (FRAME, 2)]


def test_a_reason_is_logged_once_however_often_it_comes(caplog: pytest.LogCaptureFixture) -> None:
    grab(*(FakeBuffer(k, width=5) for k in range(1, 9)))

    assert [record.message for record in caplog.records] == ["frame_refused"]


def test_the_trigger_time_is_the_receipt_less_the_stated_transport() -> None:
    plain, early = grab(FakeBuffer(1))[0], grab(FakeBuffer(1), transport_ms=2.5)[0]

    assert plain.trigger_ns - early.trigger_ns == 2_500_000


def test_a_fetch_ends_with_its_time() -> None:
    grabber, stream = make_grabber()
    start_ns = stream.ns

    assert grabber.fetch(0.25) is None
    assert stream.ns == start_ns + 250_000_000


def test_a_camera_that_cannot_be_reached_is_lost_within_the_health_period() -> None:
    grabber, stream = make_grabber(FakeBuffer(1))
    grabber.fetch(0.0)
    stream.is_there = False
    lost_ns = stream.ns

    with pytest.raises(CameraLostError, match=r"cam0 \(serial S1\).*reached; check.*camera list --cti maker\.cti"):
        grabber.fetch(10.0)

    assert stream.ns - lost_ns <= 501_000_000


def test_a_free_running_camera_is_lost_when_silent_for_too_long() -> None:
    grabber, _ = make_grabber(FakeBuffer(1), lost_after_s=2.0)
    grabber.fetch(0.0)

    assert grabber.fetch(1.9) is None
    with pytest.raises(CameraLostError, match=r"sent nothing for 2\.\d s.*camera\.triggered: true.*check its power"):
        grabber.fetch(2.0)


def test_a_triggered_camera_may_be_silent() -> None:
    grabber, _ = make_grabber(lost_after_s=2.0, triggered=True)

    assert grabber.fetch(60.0) is None


def test_an_error_of_the_producer_is_a_lost_camera() -> None:
    grabber, _ = make_grabber(FakeBuffer(1), gentl.IoException("cable out"))
    grabber.fetch(0.0)

    with pytest.raises(CameraLostError, match=r"stopped answering.*cable out.*check its power"):
        grabber.fetch(0.0)


def test_a_camera_that_counts_anew_is_lost_and_its_buffer_given_back() -> None:
    grabber, stream = make_grabber(FakeBuffer(500), FakeBuffer(1))
    grabber.fetch(0.0)

    with pytest.raises(CameraLostError, match="started again"):
        grabber.fetch(0.0)

    assert len(stream.given_back) == 2


def counted(frame_id: int, count: int | None, encoder: int | None = None) -> FakeBuffer:
    return FakeBuffer(frame_id, values={"ChunkCounterValue": count, "ChunkEncoderValue": encoder})


def test_a_trigger_that_the_camera_missed_is_a_part_of_its_own_by_its_counter() -> None:
    arrivals = grab(counted(1, 1), counted(2, 3), count_source="counter")

    assert [arrival.kind for arrival in arrivals] == [FRAME, LOST, FRAME]
    assert grab(counted(1, 1), counted(2, 3))[1].kind is FRAME  # by frame ids nobody sees it


def test_a_picture_without_a_trigger_is_judged_by_nobody() -> None:
    arrivals = grab(counted(1, 1), counted(2, 1), counted(3, 2), count_source="counter")

    assert [arrival.kind for arrival in arrivals] == [FRAME, INVALID, FRAME]


def test_a_picture_whose_trigger_count_did_not_come_is_judged_by_nobody() -> None:
    arrivals = grab(counted(1, 1), counted(2, None), counted(3, 3), count_source="counter")

    assert [arrival.kind for arrival in arrivals] == [FRAME, INVALID, FRAME]


def test_over_triggers_are_parts_that_nobody_photographed() -> None:
    grabber, stream = make_grabber(FakeBuffer(1), count_source="over_trigger")
    grabber._meters.over = 2  # type: ignore[attr-defined]

    kinds = [arrival.kind for _ in range(3) if (arrival := grabber.fetch(0.0)) is not None]

    assert kinds == [LOST, LOST, FRAME]
    assert grabber.fetch(0.0) is None
    assert stream.given_back


def test_a_buffer_delivered_twice_is_one_part() -> None:
    grabber, stream = make_grabber(
        FakeBuffer(1, timestamp_ns=10), FakeBuffer(1, timestamp_ns=10), FakeBuffer(3, timestamp_ns=30)
    )

    arrivals = [arrival for _ in range(3) if (arrival := grabber.fetch(0.0)) is not None]

    assert kinds_and_ids(arrivals) == [(FRAME, 1), (LOST, 2), (FRAME, 3)]
    assert grabber.fetch(0.0) is None
    assert (grabber.discarded, len(stream.given_back)) == (1, 3)


def test_a_picture_that_needs_no_conversion_is_not_copied_before_the_caller_does() -> None:
    buffers = [FakeBuffer(1), FakeBuffer(4)]
    grabber, stream = make_grabber(*buffers)

    first = grabber.fetch(0.0)
    lost = [grabber.fetch(0.0), grabber.fetch(0.0)]
    second = grabber.fetch(0.0)

    assert first is not None
    assert second is not None
    assert [arrival and arrival.kind for arrival in lost] == [LOST, LOST]
    assert first.pixels is not None
    assert second.pixels is not None
    assert np.shares_memory(second.pixels, np.frombuffer(buffers[1].raw_buffer, np.uint8))
    assert (second.pixels == 4).all()  # its buffer outlasted the two parts before it
    assert stream.given_back == buffers[:1]


def test_a_picture_that_was_converted_keeps_no_buffer() -> None:
    bgr = next(known for known in FORMATS if known.name == "BGR8")
    frame = FrameShape(SHAPE.height, SHAPE.width, 3)
    buffer = FakeBuffer(7, pixel_format=bgr.code, size_filled=3 * N_BYTES, raw_buffer=bytes([7]) * 3 * N_BYTES)
    stream = FakeStream(deque([buffer]))
    plan = GenicamPlan("cam0", frame, "maker.cti", "S1", "BGR8")
    grabber = Grabber(stream, FakeMeters(stream), plan, bgr, False, now_ns=stream.now_ns, sleep_s=stream.sleep_s)

    arrival = grabber.fetch(0.0)

    assert arrival is not None
    assert arrival.pixels is not None
    assert (arrival.pixels == 7).all()
    assert stream.given_back == [buffer]


def test_a_camera_whose_number_and_time_stand_still_is_not_silently_ignored() -> None:
    grabber, _ = make_grabber(*(FakeBuffer(1, timestamp_ns=10) for _ in range(9)))

    arrivals = [arrival for _ in range(9) if (arrival := grabber.fetch(0.0)) is not None]

    assert [arrival.kind for arrival in arrivals] == [FRAME] + [INVALID] * 5
    assert grabber.discarded == 3


def test_a_new_part_under_the_number_before_is_a_part_and_its_own_number_is_not_missed() -> None:
    arrivals = grab(FakeBuffer(1, timestamp_ns=10), FakeBuffer(1, timestamp_ns=20), FakeBuffer(3, timestamp_ns=30))

    assert kinds_and_ids(arrivals) == [(FRAME, 1), (INVALID, 1), (FRAME, 3)]


def test_a_picture_after_its_successor_is_not_a_second_verdict_for_its_trigger() -> None:
    grabber, _ = make_grabber(FakeBuffer(1), FakeBuffer(3), FakeBuffer(2), FakeBuffer(4))

    arrivals = [arrival for _ in range(4) if (arrival := grabber.fetch(0.0)) is not None]

    assert kinds_and_ids(arrivals) == [(FRAME, 1), (LOST, 2), (FRAME, 3), (FRAME, 4)]
    assert grabber.discarded == 1


ENCODER = EncoderPlan("ChunkEncoderValue", counts_per_mm=10.0, max_speed_mm_s=1000.0)


def test_where_the_line_stood_comes_with_each_picture() -> None:
    arrivals = grab(counted(1, None, 500), counted(2, None, 560), encoder=ENCODER)

    assert [arrival.travel for arrival in arrivals] == [Travel(500, 0, 0), Travel(560, 0, 60)]


def test_a_part_without_a_believable_place_is_an_encoder_fault_and_has_no_picture() -> None:
    arrivals = grab(counted(1, None, 500), counted(2, None, None), counted(3, None, 400_000), encoder=ENCODER)

    assert [arrival.kind for arrival in arrivals] == [FRAME, ArrivalKind.ENCODER, ArrivalKind.ENCODER]
    assert arrivals[1].pixels is None
    assert [arrival.travel and arrival.travel.generation for arrival in arrivals] == [0, 0, 1]


def test_a_part_that_nobody_photographed_has_no_place() -> None:
    arrivals = grab(counted(1, None, 500), FakeBuffer(3, is_whole=False), counted(4, None, 600), encoder=ENCODER)

    assert [(a.kind, a.travel and a.travel.count) for a in arrivals] == [
        (FRAME, 500),
        (LOST, None),
        (INCOMPLETE, None),
        (FRAME, 600),
    ]


def test_on_a_line_without_an_encoder_nothing_has_a_place() -> None:
    arrivals = grab(FakeBuffer(1), FakeBuffer(3), FakeBuffer(4, is_whole=False), FakeBuffer(4, width=1))

    assert {arrival.travel for arrival in arrivals} == {None}


def test_trigger_times_are_the_camera_s_once_it_was_asked_for_its_time() -> None:
    grabber, _ = make_grabber(FakeBuffer(1, timestamp_ns=5_000_000_000 + 1_004_000_000))
    grabber._meters.clock_offset_ns = 5_000_000_000  # type: ignore[attr-defined]

    arrival = grabber.fetch(0.0)

    assert arrival is not None
    assert (arrival.trigger_source, arrival.trigger_ns) == ("camera", 1_004_000_000)


def test_a_camera_that_cannot_tell_its_time_is_asked_once_and_the_host_s_is_used() -> None:
    grabber, _ = make_grabber(FakeBuffer(1, timestamp_ns=77), FakeBuffer(2, timestamp_ns=88))

    arrivals = [arrival for _ in range(2) if (arrival := grabber.fetch(0.0)) is not None]

    assert {arrival.trigger_source for arrival in arrivals} == {"host"}
    assert grabber._meters.asked == 1  # type: ignore[attr-defined]


def test_a_camera_whose_clock_is_not_wanted_is_never_asked() -> None:
    grabber, _ = make_grabber(FakeBuffer(1), clock="host")

    grabber.fetch(0.0)

    assert grabber._meters.asked == 0  # type: ignore[attr-defined]
