from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.acquire.frame_ids import MAX_LOST
from edge_inspector.acquire.trigger_count import COUNTER_CYCLE, Counted, TriggerCount
from edge_inspector.core.errors import CameraLostError


def by_counter(starts_at: int | None = 0) -> TriggerCount:
    return TriggerCount("counter", starts_at, "cam0")


@pytest.mark.parametrize("source", ["frame_id", "over_trigger"])
def test_without_a_counter_the_frame_numbers_say_what_is_missing(source: str) -> None:
    count = TriggerCount(source, starts_at=None, who="cam0")  # type: ignore[arg-type]

    assert count.whole(2, None) == Counted(2)


def test_a_trigger_that_the_camera_missed_shows_in_the_counter_alone() -> None:
    count = by_counter()

    assert [count.whole(0, n) for n in (1, 2, 4)] == [Counted(0), Counted(0), Counted(1)]


def test_a_frame_lost_on_the_way_is_not_counted_by_both() -> None:
    count = by_counter()
    count.whole(0, 1)

    assert count.whole(1, 3) == Counted(1)


def test_what_came_before_the_first_frame_counts_where_the_counter_began_at_zero() -> None:
    assert by_counter().whole(0, 3) == Counted(2)
    assert by_counter(starts_at=None).whole(0, 3) == Counted(0)


def test_a_frame_without_a_trigger_is_no_picture_of_a_part() -> None:
    count = by_counter()
    count.whole(0, 1)

    assert count.whole(0, 1).fault == "it came without a trigger"
    assert count.whole(0, 2) == Counted(0)


def test_a_whole_frame_that_shares_its_trigger_with_a_broken_one_is_no_picture_of_a_part() -> None:
    count = TriggerCount("counter", 0, "cam0")
    count.whole(0, 1)
    count.broken(0)

    assert count.whole(0, 2).fault == "more frames came than triggers"
    assert count.whole(0, 3) == Counted(0)


def test_a_frame_whose_count_is_missing_is_a_trigger_and_no_picture_of_a_part() -> None:
    count = by_counter()
    count.whole(0, 1)

    assert count.whole(0, None) == Counted(0, "its trigger count is missing")
    assert count.whole(0, 3) == Counted(0)


def test_incomplete_frames_are_triggers_that_the_next_count_does_not_tell_again() -> None:
    count = by_counter()
    count.whole(0, 1)

    assert count.broken(1) == 1
    assert count.whole(0, 5) == Counted(1)  # 2 lost, 3 incomplete, 4 missed


@pytest.mark.parametrize("now", [3, 7 + MAX_LOST + 1])
def test_a_count_that_jumps_is_a_camera_that_started_again(now: int) -> None:
    count = by_counter(starts_at=None)
    count.whole(0, 7)

    with pytest.raises(CameraLostError, match=rf"from 7 to {now}.*check"):
        count.whole(0, now)


def test_a_counter_of_32_bits_wraps() -> None:
    count = by_counter(starts_at=None)
    count.whole(0, COUNTER_CYCLE - 1)

    assert count.whole(0, 1) == Counted(1)


@given(st.lists(st.sampled_from(["whole", "incomplete", "lost", "missed", "uncounted"]), max_size=60))
def test_every_trigger_is_told_exactly_once(fates: list[str]) -> None:
    count, told, unseen = by_counter(), 0, 0

    for n, fate in enumerate([*fates, "whole"], start=1):
        if fate == "incomplete":
            told += count.broken(unseen) + 1
            unseen = 0
        elif fate == "whole":
            told += count.whole(unseen, n).missed + 1
            unseen = 0
        elif fate == "uncounted":
            told += count.whole(unseen, None).missed + 1
            unseen = 0
        elif fate == "lost":
            unseen += 1  # a gap in the frame ids

    assert told == len(fates) + 1


def test_what_came_while_nobody_counted_is_known_where_the_counter_went_on() -> None:
    assert by_counter(starts_at=100).whole(0, 104) == Counted(3)


def test_a_counter_that_began_anew_with_the_camera_s_power_begins_the_count_anew() -> None:
    count = by_counter(starts_at=100)

    assert count.whole(0, 2) == Counted(0)
    assert count.whole(0, 4) == Counted(1)


def test_what_the_counter_shows_when_all_is_told_goes_with_each_trigger() -> None:
    count = by_counter()

    count.whole(0, 2)
    assert count.value == 2
    count.broken(1)
    assert count.value == 4
    count.whole(0, 7)
    assert count.value == 7
    assert TriggerCount("frame_id", None, "cam0").value == -1
