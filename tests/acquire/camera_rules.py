"""What every camera must do: one function per rule, given the kind and an empty folder."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from rigs import SHAPE, make_camera, make_missing, make_other_size

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import CameraFormatError, CameraNotFoundError
from edge_inspector.core.frame import Arrival, ArrivalKind
from edge_inspector.core.ports import Camera


def next_arrival(camera: Camera) -> Arrival:
    """Wait for an arrival, whatever it is."""
    while (arrival := camera.fetch(0.5)) is None:
        pass
    return arrival


def the_first_picture_has_the_declared_shape(kind: str, folder: str) -> None:
    with make_camera(kind, Path(folder)) as camera:
        arrival = next_arrival(camera)

        assert arrival.kind is ArrivalKind.FRAME
        assert arrival.pixels is not None
        assert arrival.pixels.shape == SHAPE.hwc
        assert arrival.pixels.dtype == np.uint8
        assert arrival.pixels.any()


def frame_ids_strictly_rise(kind: str, folder: str) -> None:
    with make_camera(kind, Path(folder)) as camera:
        ids = [next_arrival(camera).frame_id for _ in range(15)]

    assert all(before < after for before, after in pairwise(ids))


def trigger_times_never_fall_and_never_lie_ahead(kind: str, folder: str) -> None:
    with make_camera(kind, Path(folder)) as camera:
        seen = [(next_arrival(camera).trigger_ns, monotonic_ns()) for _ in range(15)]

    assert all(trigger_ns <= now_ns for trigger_ns, now_ns in seen)
    assert all(before[0] <= after[0] for before, after in pairwise(seen))


def the_stated_transport_is_taken_off_the_trigger_time(kind: str, folder: str) -> None:
    with make_camera(kind, Path(folder), transport_ms=500.0) as camera:
        arrival = next_arrival(camera)

        assert arrival.trigger_source == "host"
        assert arrival.trigger_ns <= monotonic_ns() - 500_000_000


def a_picture_stays_as_it_is_until_the_next_fetch(kind: str, folder: str) -> None:
    with make_camera(kind, Path(folder)) as camera:
        for _ in range(5):
            arrival = next_arrival(camera)
            assert arrival.pixels is not None
            before = arrival.pixels.copy()
            time.sleep(0.03)  # three more triggers: time enough for a producer to reuse a buffer

            assert np.array_equal(before, arrival.pixels)


def silence_is_none_and_the_next_picture_still_comes(kind: str, folder: str) -> None:
    with make_camera(kind, Path(folder), is_slow=True) as camera:
        next_arrival(camera)

        # A fetch that waited longer than it may would return the next picture here.
        assert camera.fetch(0.0) is None
        assert camera.fetch(0.05) is None


def it_may_be_entered_again(kind: str, folder: str) -> None:
    camera = make_camera(kind, Path(folder))

    for _ in range(2):
        with camera:
            first, second = next_arrival(camera), next_arrival(camera)
        assert first.kind is second.kind is ArrivalKind.FRAME
        assert first.frame_id < second.frame_id


def leaving_never_raises(kind: str, folder: str) -> None:
    camera = make_camera(kind, Path(folder))
    with camera:
        pass

    camera.__exit__(None, None, None)


def an_error_inside_the_block_comes_out_unchanged(kind: str, folder: str) -> None:
    mistake = KeyError("mine")

    with pytest.raises(KeyError) as caught, make_camera(kind, Path(folder)):
        raise mistake

    assert caught.value is mistake


def a_missing_source_is_named_with_the_next_step(kind: str, folder: str) -> None:
    with pytest.raises(CameraNotFoundError, match=r"missing.*camera\.(folder|cti)"), make_missing(kind, Path(folder)):
        pass


def another_size_is_refused_with_both_sizes(kind: str, folder: str) -> None:
    with pytest.raises(CameraFormatError, match=r"128.*120"), make_other_size(kind, Path(folder)):
        pass


def another_size_is_an_invalid_arrival(kind: str, folder: str) -> None:
    with make_other_size(kind, Path(folder)) as camera:
        arrival = next_arrival(camera)

    assert arrival.kind is ArrivalKind.INVALID
    assert arrival.pixels is None


RULES = (
    the_first_picture_has_the_declared_shape,
    frame_ids_strictly_rise,
    trigger_times_never_fall_and_never_lie_ahead,
    the_stated_transport_is_taken_off_the_trigger_time,
    a_picture_stays_as_it_is_until_the_next_fetch,
    silence_is_none_and_the_next_picture_still_comes,
    it_may_be_entered_again,
    leaving_never_raises,
    an_error_inside_the_block_comes_out_unchanged,
)
