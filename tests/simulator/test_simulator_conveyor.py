"""The conveyor as the Python side sees it; that the producer sees the same is in the tests of triggers."""

from __future__ import annotations

import pytest
from sim_child import MakeControls

from edge_inspector.simulator import conveyor as conveyor_module
from edge_inspector.simulator.config import ConveyorConfig, SimulationConfig
from edge_inspector.simulator.conveyor import Conveyor

SECOND_NS = 10**9


class Clock:
    """Stands until it is set."""

    def __init__(self) -> None:
        self.now_ns = 1000 * SECOND_NS

    def __call__(self) -> int:
        return self.now_ns

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(conveyor_module, "monotonic_ns", clock)
    return clock


@pytest.fixture
def conveyor(clock: Clock, make_controls: MakeControls) -> Conveyor:
    return make_controls(SimulationConfig(conveyors=(ConveyorConfig(spacing_mm=10),))).conveyor


def test_parts_pass_at_speed_over_spacing(conveyor: Conveyor, clock: Clock) -> None:
    conveyor.run(100.0)
    clock.wait(1.05)

    assert (conveyor.edges, round(conveyor.position_mm)) == (10, 105)


def test_a_change_of_speed_loses_no_part(conveyor: Conveyor, clock: Clock) -> None:
    for speed in (100.0, 50.0, 0.0, 100.0):
        conveyor.run(speed)
        clock.wait(1.0)

    assert (conveyor.edges, conveyor.position_mm) == (25, 250.0)


def test_a_part_that_comes_back_is_seen_again(conveyor: Conveyor, clock: Clock) -> None:
    for speed in (25.0, -25.0, 25.0):
        conveyor.run(speed)
        clock.wait(1.0)

    assert conveyor.edges == 6


def test_a_profile_runs_by_itself(conveyor: Conveyor, clock: Clock) -> None:
    conveyor.run_profile([(1.0, 100.0), (1.0, 0.0), (0.0, 200.0)])
    clock.wait(2.5)

    assert (conveyor.edges, conveyor.position_mm) == (20, 200.0)


@pytest.mark.parametrize("n", [0, 33])
def test_a_profile_has_1_to_32_speeds(conveyor: Conveyor, n: int) -> None:
    with pytest.raises(ValueError, match="1 to 32"):
        conveyor.run_profile([(1.0, 1.0)] * n)


def test_parts_fired_by_hand_move_the_encoder_or_not(conveyor: Conveyor) -> None:
    conveyor.fire(3)
    conveyor.fire(moves=False)
    conveyor.move(5.0)

    assert (conveyor.edges, conveyor.position_mm) == (4, 35.0)
