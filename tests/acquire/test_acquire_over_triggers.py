from __future__ import annotations

import pytest
from grab_rig import FRAME, LOST, FakeBuffer, FakeMeters, kinds_and_ids, make_grabber

from edge_inspector.acquire.over_triggers import LEAST_HOLD_NS, OverTriggers

MS = 1_000_000


def stamps(found: list[tuple[int | None, int]]) -> list[int | None]:
    return [stamp_ns for stamp_ns, _ in found]


def test_one_that_came_after_the_frame_waits_for_the_next() -> None:
    over = OverTriggers(transport_ns=0, stamp_late_ns=0)
    over.told([25 * MS], 1000)

    assert stamps(over.before(20 * MS, False)) == []
    assert stamps(over.after(20 * MS)) == []
    assert stamps(over.before(30 * MS, False)) == [25 * MS]
    assert stamps(over.before(40 * MS, False)) == []


def test_several_keep_their_order_and_each_its_place() -> None:
    over = OverTriggers(0, 0)
    over.told([11 * MS, 12 * MS, 21 * MS], 1000)

    assert stamps(over.before(20 * MS, False)) == [11 * MS, 12 * MS]
    assert stamps(over.before(30 * MS, False)) == [21 * MS]


def test_what_the_camera_stamps_late_is_taken_off() -> None:
    over = OverTriggers(0, stamp_late_ns=10 * MS)  # it stamps at the end of the exposure
    over.told([25 * MS], 1000)

    assert stamps(over.before(30 * MS, False)) == []
    assert stamps(over.before(40 * MS, False)) == [25 * MS]


def test_no_frame_can_come_before_it_any_more_once_the_transport_is_over() -> None:
    for transport_ns, hold_ns in ((0, LEAST_HOLD_NS), (300 * MS, 300 * MS)):
        over = OverTriggers(transport_ns, 0)
        over.told([25 * MS], 1000)

        assert over.overdue(1000 + hold_ns - 1) == []
        assert stamps(over.overdue(1000 + hold_ns)) == [25 * MS]


@pytest.mark.parametrize(("stamp_ns", "frame_ns"), [(None, 20 * MS), (25 * MS, None), (25 * MS, 10**15)])
def test_without_stamps_of_one_clock_it_belongs_behind_the_frame_that_comes_next(
    stamp_ns: int | None, frame_ns: int | None
) -> None:
    over = OverTriggers(0, 0)
    over.told([stamp_ns], 1000)

    assert over.before(frame_ns, False) == []
    assert stamps(over.after(frame_ns)) == [stamp_ns]


def test_without_stamps_the_frame_that_is_missing_was_the_one_exposed() -> None:
    over = OverTriggers(0, 0)
    over.told([None], 1000)

    assert stamps(over.before(None, True)) == [None]


def test_the_picture_that_was_exposed_meanwhile_comes_first() -> None:
    grabber, stream = make_grabber(
        FakeBuffer(1, timestamp_ns=10 * MS), FakeBuffer(2, timestamp_ns=30 * MS), count_source="over_trigger"
    )
    meters: FakeMeters = grabber._meters  # type: ignore[assignment]
    meters.over = [20 * MS]

    arrivals = [arrival for _ in range(3) if (arrival := grabber.fetch(0.0)) is not None]

    assert kinds_and_ids(arrivals) == [(FRAME, 1), (LOST, -1), (FRAME, 2)]
    times = [arrival.trigger_ns for arrival in arrivals]
    assert times == sorted(times)
    assert grabber.fetch(0.0) is None
    assert len(stream.given_back) == 2


def test_one_that_no_frame_follows_is_told_after_a_while() -> None:
    grabber, stream = make_grabber(FakeBuffer(1, timestamp_ns=10 * MS), count_source="over_trigger")
    meters: FakeMeters = grabber._meters  # type: ignore[assignment]
    meters.over = [20 * MS]

    first = grabber.fetch(0.0)
    began_ns = stream.ns
    second = grabber.fetch(1.0)

    assert first is not None
    assert second is not None
    assert (first.kind, second.kind) == (FRAME, LOST)
    assert stream.ns - began_ns >= LEAST_HOLD_NS - 20 * MS


def test_a_camera_that_counts_otherwise_is_not_asked() -> None:
    grabber, _ = make_grabber(FakeBuffer(1), FakeBuffer(2))
    meters: FakeMeters = grabber._meters  # type: ignore[assignment]
    meters.over = [None]

    assert [arrival.kind for _ in range(2) if (arrival := grabber.fetch(0.0)) is not None] == [FRAME, FRAME]
    assert meters.over == [None]
