"""The section about the camera: what of it is pure, and who oversleeps."""

from __future__ import annotations

import time

from benchmarks.__main__ import SECTIONS
from benchmarks.cameras.bystander import Bystander
from benchmarks.cameras.latency import uneven_us


def test_edges_that_come_evenly_are_not_uneven() -> None:
    assert uneven_us([0, 10_000_000, 20_000_000], rate_hz=100.0) == [0.0, 0.0]


def test_an_edge_that_is_misplaced_shows_before_and_behind_it() -> None:
    assert uneven_us([0, 10_050_000, 20_000_000], rate_hz=100.0) == [50.0, 50.0]


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
