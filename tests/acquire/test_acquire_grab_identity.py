"""Which part a buffer is about: counts, repeats, places and times."""

from __future__ import annotations

from collections import deque

import numpy as np
from grab_rig import (
    FRAME,
    INCOMPLETE,
    INVALID,
    LOST,
    N_BYTES,
    SHAPE,
    FakeBuffer,
    FakeMeters,
    FakeStream,
    grab,
    kinds_and_ids,
    make_grabber,
)

from edge_inspector.acquire.encoder import EncoderPlan
from edge_inspector.acquire.grab import Grabber
from edge_inspector.acquire.pixels import FORMATS
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.core.frame import ArrivalKind, FrameShape, Travel


def counted(frame_id: int, count: int | None, encoder: int | None = None) -> FakeBuffer:
    return FakeBuffer(frame_id, values={"ChunkCounterValue": count, "ChunkEncoderValue": encoder})


def test_a_trigger_that_the_camera_missed_is_a_part_of_its_own_by_its_counter() -> None:
    arrivals = grab(counted(1, 1), counted(2, 3), count_source="counter")

    assert [arrival.kind for arrival in arrivals] == [FRAME, LOST, FRAME]
    assert grab(counted(1, 1), counted(2, 3))[1].kind is FRAME  # by frame ids nobody sees it


def test_more_missed_triggers_than_a_camera_that_counts_from_0_has_numbers_have_none() -> None:
    arrivals = grab(counted(0, 1), counted(1, 5), count_source="counter")

    assert kinds_and_ids(arrivals) == [(FRAME, 0), (LOST, -1), (LOST, -1), (LOST, 0), (FRAME, 1)]


def test_a_picture_without_a_trigger_is_judged_by_nobody() -> None:
    arrivals = grab(counted(1, 1), counted(2, 1), counted(3, 2), count_source="counter")

    assert [arrival.kind for arrival in arrivals] == [FRAME, INVALID, FRAME]


def test_a_picture_whose_trigger_count_did_not_come_is_judged_by_nobody() -> None:
    arrivals = grab(counted(1, 1), counted(2, None), counted(3, 3), count_source="counter")

    assert [arrival.kind for arrival in arrivals] == [FRAME, INVALID, FRAME]


def test_over_triggers_are_parts_that_nobody_photographed() -> None:
    grabber, stream = make_grabber(FakeBuffer(1), count_source="over_trigger")
    grabber._meters.over = [None, None]  # type: ignore[attr-defined]

    kinds = [arrival.kind for _ in range(3) if (arrival := grabber.fetch(0.0)) is not None]

    assert kinds == [FRAME, LOST, LOST]  # they came while it was exposed
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


def test_a_part_without_a_believable_place_is_an_encoder_fault_with_its_picture() -> None:
    arrivals = grab(counted(1, None, 500), counted(2, None, None), counted(3, None, 400_000), encoder=ENCODER)

    assert [arrival.kind for arrival in arrivals] == [FRAME, ArrivalKind.ENCODER, ArrivalKind.ENCODER]
    assert all(arrival.pixels is not None for arrival in arrivals), "evidence shows what nobody can place"
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
