from __future__ import annotations

from dataclasses import replace

import numpy as np
from fakes.camera import FakeCamera, Step

from edge_inspector.acquire.strips import OverlappingCamera
from edge_inspector.core.frame import Arrival, ArrivalKind, FrameShape

STRIP = FrameShape(4, 3, 1)
OVERLAP = 2
Picture, Lost, Unplaced = ArrivalKind.FRAME, ArrivalKind.LOST, ArrivalKind.ENCODER


class Web(FakeCamera):
    """Strips whose rows are numbered on and on."""

    def fetch(self, timeout_s: float) -> Arrival | None:
        arrival = super().fetch(timeout_s)
        if arrival is not None and arrival.kind is Unplaced:
            arrival = replace(arrival, pixels=np.empty(STRIP.hwc, np.uint8))
        if arrival is not None and arrival.pixels is not None:
            first = (arrival.frame_id - 1) * STRIP.height
            arrival.pixels[:] = np.arange(first, first + STRIP.height, dtype=np.uint8)[:, None, None]
        return arrival


def rows_of(script: list[Step]) -> list[list[int] | None]:
    """The row numbers of each picture that comes; None for an arrival without one."""
    found = []
    with OverlappingCamera(Web(STRIP, script), STRIP, OVERLAP) as camera:
        for _ in script:
            arrival = camera.fetch(0.0)
            if arrival is not None:
                found.append(None if arrival.pixels is None else arrival.pixels[:, 0, 0].tolist())
    return found


def test_each_picture_begins_with_the_last_lines_of_the_one_before() -> None:
    assert rows_of([Picture] * 3)[1:] == [[2, 3, 4, 5, 6, 7], [6, 7, 8, 9, 10, 11]]


def test_where_nothing_came_before_the_first_lines_stand_mirrored_above() -> None:
    assert rows_of([Picture]) == [[1, 0, 0, 1, 2, 3]]


def test_after_a_strip_that_did_not_come_its_lines_are_not_made_up() -> None:
    assert rows_of([Picture, Lost, Picture]) == [[1, 0, 0, 1, 2, 3], None, [9, 8, 8, 9, 10, 11]]


def test_a_picture_whose_place_is_not_believed_has_the_size_of_all_and_lends_its_lines_to_none() -> None:
    assert rows_of([Picture, Unplaced, Picture])[1:] == [[2, 3, 4, 5, 6, 7], [9, 8, 8, 9, 10, 11]]


def test_silence_between_two_strips_changes_nothing() -> None:
    assert rows_of([Picture, None, Picture])[1] == [2, 3, 4, 5, 6, 7]


def test_a_camera_that_is_armed_again_begins_anew() -> None:
    camera = OverlappingCamera(Web(STRIP, [Picture]), STRIP, OVERLAP)
    for _ in range(2):
        with camera:
            arrival = camera.fetch(0.0)
            assert arrival is not None
            assert arrival.pixels is not None
            assert arrival.pixels[:, 0, 0].tolist() == [1, 0, 0, 1, 2, 3]


def test_what_the_camera_says_of_itself_is_passed_on() -> None:
    inner = Web(STRIP, [])
    inner.discarded = 3

    camera = OverlappingCamera(inner, STRIP, OVERLAP)
    with camera:
        assert camera.discarded == 3
    assert (inner.entered, inner.left) == (1, 1)
