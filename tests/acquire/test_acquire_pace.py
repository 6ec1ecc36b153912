from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.acquire.pace import Pace


class FakeClock:
    """A clock that moves only when somebody sleeps, and oversleeps a little as real ones do."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000

    def now_ns(self) -> int:
        return self.ns

    def sleep_s(self, seconds: float) -> None:
        self.ns += max(1, round(seconds * 1e9)) + 60_000


def make_pace(rate_hz: float | None) -> tuple[Pace, FakeClock]:
    clock = FakeClock()
    return Pace(rate_hz, clock.now_ns, clock.sleep_s), clock


@given(rate_hz=st.floats(0.1, 10_000.0), n=st.integers(1, 200))
def test_the_beat_does_not_drift(rate_hz: float, n: int) -> None:
    pace, clock = make_pace(rate_hz)
    start_ns = clock.ns

    due = [pace.wait(timeout_s=20.0) for _ in range(n)]

    assert due == [start_ns + round(k * 1e9 / rate_hz) for k in range(n)]


def test_a_late_consumer_gets_every_beat_with_its_own_time() -> None:
    pace, clock = make_pace(10.0)
    start_ns = clock.ns
    pace.wait(1.0)

    clock.ns += 350_000_000

    assert [pace.wait(0.0) for _ in range(4)] == [*(start_ns + k * 100_000_000 for k in (1, 2, 3)), None]


def test_a_beat_that_is_not_due_in_time_is_none_and_not_used_up() -> None:
    pace, clock = make_pace(10.0)
    start_ns = clock.ns
    pace.wait(1.0)

    assert pace.wait(0.05) is None
    assert clock.ns < start_ns + 100_000_000
    assert pace.wait(0.06) == start_ns + 100_000_000


def test_the_beat_begins_with_the_first_wait() -> None:
    pace, clock = make_pace(10.0)
    clock.ns += 7_000_000_000

    assert pace.wait(0.0) == clock.ns


def test_without_a_rate_each_item_is_due_when_asked_for() -> None:
    pace, clock = make_pace(None)

    assert pace.wait(0.0) == clock.ns
    assert pace.wait(0.0) == clock.ns
