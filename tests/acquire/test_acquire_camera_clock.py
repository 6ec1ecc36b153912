from __future__ import annotations

import random

from edge_inspector.acquire.camera_clock import (
    EVERY_NS,
    FIRST_EVERY_NS,
    FIRST_LATCHES,
    OLDEST_NS,
    SLOW_EVERY_NS,
    SLOW_NS,
    CameraClock,
    Latch,
    Moment,
)

S, MS, US = 10**9, 10**6, 10**3
OFFSET_NS = 1_700_000_000 * S  # a camera that counts from 1970
TRANSPORT_NS = 8 * MS


class Camera:
    """A camera whose clock runs `ppm` fast; answers within a delay that nobody sees."""

    def __init__(self, ppm: float = 0.0, seed: int = 0) -> None:
        self.ppm, self.offset_ns, self._random = ppm, OFFSET_NS, random.Random(seed)

    def stamp(self, host_ns: int) -> int:
        return self.offset_ns + host_ns + round(host_ns * self.ppm / 1e6)

    def latch(self, host_ns: int) -> Latch:
        there_ns, back_ns = (self._random.randint(20 * US, 300 * US) for _ in range(2))
        return Latch(self.stamp(host_ns + there_ns), host_ns, host_ns + there_ns + back_ns)


def run(camera: Camera, clock: CameraClock, until_ns: int, from_ns: int = 0) -> None:
    """Ask as often as the clock wants."""
    now_ns = from_ns
    while now_ns < until_ns:
        if now_ns >= clock.next_ns:
            clock.latched(camera.latch(now_ns))
        now_ns += 100 * MS


def test_without_a_latch_the_time_is_the_host_s_less_the_transport() -> None:
    assert CameraClock(TRANSPORT_NS).moment(123, 5 * S) == Moment(5 * S - TRANSPORT_NS, "host")


def test_without_a_stamp_the_time_is_the_host_s() -> None:
    clock = CameraClock(TRANSPORT_NS)
    clock.latched(Camera().latch(0))

    assert clock.moment(None, 5 * S).source == "host"


def test_a_stamp_is_mapped_to_the_host_however_much_the_crystal_drifts() -> None:
    for ppm in (-100.0, 0.0, 35.0, 100.0):
        camera, clock = Camera(ppm), CameraClock(TRANSPORT_NS)
        run(camera, clock, 120 * S)

        for host_ns in range(100 * S, 128 * S, S):
            moment = clock.moment(camera.stamp(host_ns), host_ns + 8 * MS)
            assert moment.source == "camera"
            assert abs(moment.trigger_ns - host_ns) < 300 * US, ppm


def test_the_very_first_latch_maps_within_a_millisecond() -> None:
    camera, clock = Camera(100.0), CameraClock(TRANSPORT_NS)
    clock.latched(camera.latch(0))

    assert abs(clock.moment(camera.stamp(S), S + 5 * MS).trigger_ns - S) < MS


def test_a_time_is_never_later_than_the_moment_its_buffer_was_seen() -> None:
    camera, clock = Camera(), CameraClock(TRANSPORT_NS)
    run(camera, clock, 60 * S)

    assert clock.moment(camera.stamp(50 * S + MS), 50 * S).trigger_ns <= 50 * S


def test_a_camera_that_stamps_late_has_that_taken_off() -> None:
    camera, clock = Camera(), CameraClock(TRANSPORT_NS, stamp_late_ns=3 * MS)
    clock.latched(Latch(camera.stamp(0), 0, 0))

    assert clock.moment(camera.stamp(S), S + 9 * MS) == Moment(S - 3 * MS, "camera")


def test_a_clock_that_jumped_is_not_believed_until_it_was_asked_again() -> None:
    for jump_ns in (5 * S, -60 * S):
        camera, clock = Camera(), CameraClock(TRANSPORT_NS)
        run(camera, clock, 30 * S)
        camera.offset_ns += jump_ns

        assert clock.moment(camera.stamp(30 * S), 30 * S + MS) == Moment(30 * S + MS - TRANSPORT_NS, "host")
        assert (clock.jumps, clock.next_ns) == (1, 30 * S + MS)  # it is asked at once

        run(camera, clock, 32 * S, from_ns=30 * S + 10 * MS)
        moment = clock.moment(camera.stamp(32 * S), 32 * S + MS)
        assert moment.source == "camera"
        assert abs(moment.trigger_ns - 32 * S) < MS


def test_a_small_jump_is_found_by_the_next_latch() -> None:
    camera, clock = Camera(), CameraClock(TRANSPORT_NS)
    run(camera, clock, 30 * S)
    camera.offset_ns -= 20 * MS

    clock.latched(camera.latch(40 * S))

    assert clock.jumps == 1
    assert abs(clock.moment(camera.stamp(41 * S), 41 * S + MS).trigger_ns - 41 * S) < MS


def test_a_stamp_from_long_ago_is_another_clock() -> None:
    camera, clock = Camera(), CameraClock(TRANSPORT_NS)
    clock.latched(camera.latch(100 * S))

    assert clock.moment(camera.stamp(100 * S), 101 * S + OLDEST_NS).source == "host"


def test_the_camera_is_asked_often_at_first_then_seldom_and_hardly_ever_when_it_is_slow() -> None:
    clock = CameraClock(TRANSPORT_NS)
    waits = []
    for n in range(FIRST_LATCHES + 1):
        clock.latched(Latch(n * S, n * S, n * S))
        waits.append(clock.next_ns - n * S)
    assert waits == [FIRST_EVERY_NS] * (FIRST_LATCHES - 1) + [EVERY_NS] * 2

    clock.latched(Latch(9 * S, 9 * S - SLOW_NS, 9 * S + 1))

    assert clock.next_ns == 9 * S + 1 + SLOW_EVERY_NS


def test_the_time_of_an_event_is_mapped_without_the_delays_of_pictures() -> None:
    camera, clock = Camera(), CameraClock(TRANSPORT_NS, stamp_late_ns=3 * MS)
    run(camera, clock, 20 * S)

    moment = clock.event_moment(camera.stamp(19 * S), 19 * S + 5 * MS)

    assert moment.source == "camera"
    assert abs(moment.trigger_ns - 19 * S) < MS


def test_an_event_of_another_clock_has_the_host_s_time_and_throws_nothing_away() -> None:
    camera, clock = Camera(), CameraClock(TRANSPORT_NS)
    run(camera, clock, 20 * S)

    assert clock.event_moment(19 * S // 8, 19 * S) == Moment(19 * S, "host")
    assert clock.event_moment(None, 19 * S) == Moment(19 * S, "host")
    assert clock.jumps == 0
    assert clock.moment(camera.stamp(19 * S), 19 * S).source == "camera"
