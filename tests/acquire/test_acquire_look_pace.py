from __future__ import annotations

import pytest

from edge_inspector.acquire.look_pace import LOOK_S, REST_AFTER_NS, REST_S, look_pace_s


@pytest.mark.parametrize(
    ("silent_ns", "is_timed", "pace_s"),
    [
        (0, True, LOOK_S),
        (REST_AFTER_NS, True, LOOK_S),
        (REST_AFTER_NS + 1, True, REST_S),
        (REST_AFTER_NS + 1, False, LOOK_S),
    ],
)
def test_a_camera_is_looked_at_seldom_only_at_rest_and_where_its_clock_gives_the_times(
    silent_ns: int, is_timed: bool, pace_s: float
) -> None:
    assert look_pace_s(silent_ns, is_timed) == pace_s
