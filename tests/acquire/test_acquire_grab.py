from __future__ import annotations

import numpy as np
import pytest
from genicam import gentl
from grab_rig import (
    DEPTH_MAP,
    FRAME,
    INCOMPLETE,
    INVALID,
    LOST,
    N_BYTES,
    SEVERAL_PARTS,
    SHAPE,
    FakeBuffer,
    FakePart,
    grab,
    kinds_and_ids,
    make_grabber,
)

from edge_inspector.core.errors import CameraLostError


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


def looks_in_a_tenth(after_s: float, source: str) -> int:
    """Count the looks at the queue within 0.1 s, so long after the newest buffer."""
    grabber, stream = make_grabber(FakeBuffer(1, timestamp_ns=1_005_000_000), triggered=True)
    grabber._meters.clock_offset_ns = 0 if source == "camera" else None  # type: ignore[attr-defined]
    arrival = grabber.fetch(0.0)
    assert arrival is not None
    assert arrival.trigger_source == source
    stream.ns += round(after_s * 1e9)
    began_looks = stream.looks

    assert grabber.fetch(0.1) is None

    return stream.looks - began_looks


def test_a_line_that_stands_still_is_looked_at_more_rarely_but_never_where_the_moment_seen_is_the_trigger_time() -> (
    None
):
    assert looks_in_a_tenth(9.0, "camera") > 150
    assert looks_in_a_tenth(11.0, "camera") < 30
    assert looks_in_a_tenth(11.0, "host") > 150


def test_after_a_pause_the_next_part_is_looked_for_as_often_as_ever() -> None:
    grabber, stream = make_grabber(FakeBuffer(1, timestamp_ns=1_005_000_000), triggered=True)
    grabber._meters.clock_offset_ns = 0  # type: ignore[attr-defined]
    grabber.fetch(0.0)
    stream.ns += 11_000_000_000
    stream.buffers.append(FakeBuffer(2, timestamp_ns=stream.ns))
    assert grabber.fetch(0.1) is not None
    began_looks = stream.looks

    assert grabber.fetch(0.1) is None

    assert stream.looks - began_looks > 150
