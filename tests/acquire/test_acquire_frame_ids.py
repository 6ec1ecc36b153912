from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.acquire.frame_ids import GEV_CYCLE, MAX_LOST, Followed, FrameIds, unwrap
from edge_inspector.core.errors import CameraLostError


def block_id(frame_id: int) -> int:
    """What a GigE Vision 1.x camera says for its n-th frame."""
    return (frame_id - 1) % GEV_CYCLE + 1


def test_a_block_id_goes_on_by_one_where_it_wraps() -> None:
    assert unwrap(65535, last=65534) == 65535
    assert unwrap(1, last=65535) == 65536
    assert unwrap(2, last=65536) == 65537


@given(last=st.integers(1, 10**9), step=st.integers(0, GEV_CYCLE // 2))
def test_any_gap_under_half_a_cycle_is_unwrapped(last: int, step: int) -> None:
    assert unwrap(block_id(last + step), last) == max(last + step, block_id(last + step))


@given(last=st.integers(GEV_CYCLE, 10**9), step=st.integers(-GEV_CYCLE // 2 + 1, -1))
def test_a_block_id_that_goes_back_gives_a_smaller_id(last: int, step: int) -> None:
    assert unwrap(block_id(last + step), last) == last + step


def test_a_number_over_16_bit_is_a_64_bit_id() -> None:
    assert unwrap(65536, last=65535) == 65536
    assert unwrap(70000, last=65536) == 70000


def test_the_first_frame_begins_the_count_whatever_its_id() -> None:
    assert FrameIds(wraps=False, who="cam0").complete(4711) == Followed(0, 4711)


def test_a_gap_is_so_many_lost_triggers() -> None:
    ids = FrameIds(wraps=False, who="cam0")
    ids.complete(7)

    assert ids.complete(8) == Followed(0, 8)
    assert ids.complete(12) == Followed(3, 12)


def test_a_gap_across_the_wrap_is_counted() -> None:
    ids = FrameIds(wraps=True, who="cam0")
    ids.complete(65534)

    assert ids.complete(2) == Followed(2, 65537)


def test_a_duplicate_has_the_id_before_again() -> None:
    ids = FrameIds(wraps=False, who="cam0")
    ids.complete(7)

    assert ids.complete(7) == Followed(0, 7)


@pytest.mark.parametrize("raw", [3, 7 + MAX_LOST + 1])
def test_a_jump_back_or_absurdly_far_is_a_camera_that_started_again(raw: int) -> None:
    ids = FrameIds(wraps=False, who="cam0")
    ids.complete(7)

    with pytest.raises(CameraLostError, match=rf"cam0 went from frame id 7 to {raw}.*check"):
        ids.complete(raw)


def test_the_largest_believable_gap_is_lost_triggers() -> None:
    ids = FrameIds(wraps=False, who="cam0")
    ids.complete(7)

    assert ids.complete(7 + MAX_LOST) == Followed(MAX_LOST - 1, 7 + MAX_LOST)


def test_a_gige_camera_that_starts_again_is_noticed_once_it_has_counted_in_64_bit() -> None:
    ids = FrameIds(wraps=True, who="cam0")
    ids.complete(2 * GEV_CYCLE)  # as a 16-bit number, 1 would be the next one

    with pytest.raises(CameraLostError):
        ids.complete(1)


def test_without_frame_ids_frames_are_counted() -> None:
    ids = FrameIds(wraps=False, who="cam0")

    assert [ids.complete(None), ids.complete(None)] == [Followed(0, 1), Followed(0, 2)]
    assert ids.incomplete(None) == (0, -1)
    assert ids.complete(None) == Followed(0, 4)


@pytest.mark.parametrize("raw", [None, 0, 9, 5000])
def test_an_incomplete_frame_without_a_believable_number_still_fills_the_gap(raw: int | None) -> None:
    ids = FrameIds(wraps=False, who="cam0")
    ids.complete(10)

    assert ids.incomplete(raw) == (0, -1)
    assert ids.complete(12) == Followed(0, 12)


@given(fates=st.lists(st.sampled_from(["whole", "incomplete", "numberless", "lost"]), max_size=60), wraps=st.booleans())
def test_every_trigger_between_two_whole_frames_is_accounted_for_once(fates: list[str], wraps: bool) -> None:
    ids = FrameIds(wraps, who="cam0")
    first = GEV_CYCLE - 20  # so that many of them wrap on the way
    ids.complete(first)
    arrivals = 0

    for frame_id, fate in enumerate([*fates, "whole"], start=first + 1):
        raw = block_id(frame_id) if wraps else frame_id
        if fate == "whole":
            arrivals += ids.complete(raw)[0] + 1
        elif fate != "lost":
            arrivals += ids.incomplete(raw if fate == "incomplete" else None)[0] + 1

    assert arrivals == len(fates) + 1


def test_a_second_buffer_of_a_number_fills_the_gap_that_follows() -> None:
    ids = FrameIds(wraps=False, who="cam0")
    ids.complete(1)

    assert [ids.complete(raw).lost for raw in (2, 2, 4)] == [0, 0, 0]  # part 3 came under number 2


def test_the_same_buffer_again_fills_no_gap() -> None:
    ids = FrameIds(wraps=False, who="cam0")
    ids.complete(1)
    ids.complete(1)

    ids.again()

    assert ids.complete(3) == Followed(1, 3)


@pytest.mark.parametrize("wraps", [False, True])
def test_a_picture_after_its_successor_is_behind_and_changes_no_count(wraps: bool) -> None:
    ids = FrameIds(wraps, who="cam0")
    ids.complete(GEV_CYCLE - 1)

    assert ids.complete(block_id(GEV_CYCLE + 1) if wraps else GEV_CYCLE + 1).lost == 1
    assert ids.complete(GEV_CYCLE) == Followed(0, GEV_CYCLE, is_behind=True)
    assert ids.complete(block_id(GEV_CYCLE + 2) if wraps else GEV_CYCLE + 2).lost == 0


def test_a_number_that_was_never_missing_and_goes_back_is_a_camera_that_started_again() -> None:
    ids = FrameIds(wraps=False, who="cam0")
    for raw in (1, 2, 4, 3):
        ids.complete(raw)

    with pytest.raises(CameraLostError):
        ids.complete(3)  # it has come by now
