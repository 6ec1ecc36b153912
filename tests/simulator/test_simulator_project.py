"""The project's own camera on simulated ones."""

from __future__ import annotations

from typing import Any

import pytest
import sim_project
from fakes.alone import run_alone
from sim_child import MakeControls, require_compiler

from edge_inspector.simulator.config import CameraConfig, SimulationConfig

require_compiler()

SMALL = CameraConfig(width=32, height=8, stamped=True, padding_bytes=4)
FRAMES = [["FRAME", 0, 1], ["FRAME", 1, 2], ["FRAME", 2, 3], ["FRAME", 3, 4]]


@pytest.mark.parametrize(
    ("fault", "third"),
    [
        ("", ["FRAME", 2, 3]),
        ("PADDED", ["FRAME", 2, 3]),
        ("DROP", ["LOST", 2, None]),
        ("INCOMPLETE", ["INCOMPLETE", 2, None]),
        ("TRUNCATED", ["INVALID", 2, None]),
        ("WRONG_SIZE", ["INVALID", 2, None]),
        ("LARGER", ["INVALID", 2, None]),
        ("UNKNOWN_FORMAT", ["INVALID", 2, None]),
    ],
)
def test_a_fault_of_one_frame_costs_that_part_alone(
    cti: str, make_controls: MakeControls, fault: str, third: list[object]
) -> None:
    controls = make_controls(SimulationConfig((SMALL,)))

    got = run_alone(sim_project.arrivals, cti, fault, 4, environment=controls.environment())

    assert got == [*FRAMES[:2], third, FRAMES[3]]


def test_a_lost_camera_is_noticed(cti: str, make_controls: MakeControls) -> None:
    controls = make_controls(SimulationConfig((SMALL,)))

    assert run_alone(sim_project.loss, cti, environment=controls.environment()) == "CameraLostError"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"serial": "X"}, "no camera has serial number 'X'; there are SIM0001"),
        ({"pixel_format": "SimulatorVendor8"}, "'SimulatorVendor8' cannot be read"),
        ({"features": {"ExposureTime": 5e6}}, "allowed: 3 to 1e+06"),
        ({"features": {"Widht": 1}}, "did you mean Width"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(
    cti: str, make_controls: MakeControls, changes: dict[str, Any], said: str
) -> None:
    controls = make_controls(SimulationConfig((SMALL,)))

    assert said in str(run_alone(sim_project.refusal, cti, changes, environment=controls.environment()))
