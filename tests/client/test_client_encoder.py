"""The gate's own encoder and the camera's: what may be compared, and what may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.client.encoder import CameraCounts, OwnEncoder, wrapped
from edge_inspector.client.gate_place import Places
from edge_inspector.client.gate_settings import GateSettings

OFFSET = 1000.0
"""The own count is the camera's and so much more; both move by 1 count a ms."""


def moving(until_us: int = 2_000_000) -> OwnEncoder:
    own = OwnEncoder(tolerance=5)
    for us in range(0, until_us + 1, 1_000):
        assert own.add(us, us / 1000 + OFFSET)
    return own


def test_a_count_between_two_readings_lies_between_theirs() -> None:
    own = moving()

    assert own.at(1_502_500) == pytest.approx(1502.5 + OFFSET)
    assert own.at(2_000_000) == 2000 + OFFSET
    assert own.at(2_015_000) == 2000 + OFFSET
    assert own.at(2_025_000) is None
    assert own.at(-1) is None


def test_a_belt_that_shakes_is_not_a_belt_that_runs_backwards() -> None:
    own = moving()

    assert own.add(2_001_000, 2000 + OFFSET - 5) is True
    assert own.add(2_002_000, 2000 + OFFSET - 11) is False
    assert own.at(1_500_000) is None


def beats(camera: CameraCounts, own: OwnEncoder, *at_ms: int, generation: int = 0, off: int = 0) -> list[bool]:
    """Heartbeats whose newest frame is 30 ms old."""
    return [camera.beat(ms - 30 + off, 30_000, generation, ms * 1000, own) for ms in at_ms]


def test_three_frames_that_agree_are_believed() -> None:
    own, camera = moving(), CameraCounts(1.0, 5)
    known = []
    for ms in (500, 600, 700):
        beats(camera, own, ms)
        known.append(camera.is_known)

    assert known == [False, False, True]
    assert camera.translate(900, 0, 0) == pytest.approx(900 + OFFSET)


def test_the_same_frame_told_again_is_no_second_witness() -> None:
    own, camera = moving(), CameraCounts(1.0, 5)
    for ms in (500, 600, 700):
        camera.beat(470, ms * 1000 - 470_000, 0, ms * 1000, own)

    assert not camera.is_known


def test_a_frame_that_disagrees_suspends_what_is_known_until_one_agrees() -> None:
    own, camera = moving(), CameraCounts(1.0, 5)
    answers = beats(camera, own, 500, 600, 700) + beats(camera, own, 800, off=50)
    suspended = camera.translate(900, 0, 0)
    answers += beats(camera, own, 900)

    assert answers == [True, True, True, False, True]
    assert suspended is None
    assert camera.translate(900, 0, 0) == pytest.approx(900 + OFFSET)


def test_three_frames_that_agree_on_something_else_are_believed() -> None:
    own, camera = moving(), CameraCounts(1.0, 5)
    beats(camera, own, 500, 600, 700)
    answers = beats(camera, own, 800, 900, off=50)
    suspended = camera.is_known
    answers += beats(camera, own, 1000, off=50)

    assert (answers, suspended) == ([False] * 3, False)
    assert camera.translate(900, 0, 0) == pytest.approx(850 + OFFSET)


def test_another_generation_begins_anew() -> None:
    own, camera = moving(), CameraCounts(1.0, 5)
    beats(camera, own, 500, 600, 700)

    assert camera.translate(900, 1, 0) is None
    assert beats(camera, own, 800, generation=1) == [False]
    assert camera.translate(900, 1, 0) is None
    assert beats(camera, own, 900, 1000, generation=1) == [True, True]
    assert camera.translate(900, 1, 0) == pytest.approx(900 + OFFSET)
    assert camera.translate(900, 0, 0) is None


@pytest.mark.parametrize(("count", "age_us"), [(-1, 0), (500, -1), (500, 10_000_000)])
def test_a_heartbeat_without_a_place_says_nothing(count: int, age_us: int) -> None:
    camera = CameraCounts(1.0, 5)
    for _ in range(3):
        camera.beat(count, age_us, 0, 1_000_000, moving())
        count += count > 0

    assert not camera.is_known


@given(st.integers(-(2**40), 2**40), st.integers(-500, 499), st.integers(1000, 2**32))
def test_a_difference_goes_the_shorter_way_round(start: int, way: int, modulus: int) -> None:
    assert wrapped((start + way) % modulus - start % modulus, modulus) == way


def test_a_heartbeat_that_was_held_up_is_not_a_witness() -> None:
    places = Places(GateSettings(match="encoder", window=5, travel=100, ahead=10))
    for us in range(0, 2_000_001, 1_000):
        places.encoder(us, us / 1000)
    late, prompt = 200_000, 0
    for ms in (500, 600, 700):
        places.beat({"enc_now": ms - 230, "enc_age_us": 30_000, "enc_gen": 0}, late, ms * 1000)
    after_late = places._camera.is_known
    for ms in (800, 900, 1000):
        places.beat({"enc_now": ms - 30, "enc_age_us": 30_000, "enc_gen": 0}, prompt, ms * 1000)

    assert (after_late, places._camera.is_known) == (False, True)
