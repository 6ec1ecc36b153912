"""The section about the camera: what of it is pure, and who oversleeps."""

from __future__ import annotations

import time

from benchmarks.__main__ import SECTIONS
from benchmarks.cameras.bystander import Bystander
from benchmarks.cameras.latency import off_beat_us


def test_edges_on_the_beat_of_the_conveyor_are_not_off() -> None:
    assert off_beat_us([25_000_000, 5_000_000, 45_000_000], first_ns=15_000_000, rate_hz=100.0) == [0.0, 0.0, 0.0]


def test_an_edge_too_early_or_too_late_is_off_by_so_much() -> None:
    found = off_beat_us([14_950_000, 35_080_000], first_ns=15_000_000, rate_hz=100.0)

    assert [round(us, 6) for us in found] == [50.0, 80.0]


def test_a_bystander_notes_every_sleep_and_ends_with_the_block() -> None:
    with Bystander() as bystander:
        while len(bystander.late_ms) < 3:
            time.sleep(0.001)

    n = len(bystander.late_ms)
    time.sleep(0.01)
    assert len(bystander.late_ms) == n
    assert min(bystander.late_ms) >= 0.0  # no sleep is shorter than it was asked for


def test_the_camera_has_a_section() -> None:
    assert "camera" in SECTIONS
