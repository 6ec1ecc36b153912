"""When simulated cameras take frames, and what they say of it."""

from __future__ import annotations

from typing import Any

import pytest
import sim_triggers
from fakes.alone import run_alone
from sim_child import MakeControls, require_compiler

from edge_inspector.simulator.config import CameraConfig, ConveyorConfig, SimulationConfig, TlType

require_compiler()

SMALL = CameraConfig(width=32, height=8, stamped=True)


@pytest.mark.parametrize("tl_type", ["Custom", "GEV", "U3V"])
def test_each_part_gives_one_frame_with_its_number_in_pixels_and_chunks(
    cti: str, make_controls: MakeControls, tl_type: TlType
) -> None:
    line = SimulationConfig((SMALL,), (ConveyorConfig(spacing_mm=50, counts_per_mm=4),), tl_type)
    with make_controls(line) as controls:
        controls.conveyor.fire(7)  # passed while nobody looked: the counter is reset, the truth is not

        got: Any = run_alone(sim_triggers.stepped, cti, 5, environment=controls.environment())

    assert got["stamps"] == [[part, part - 1, 0] for part in range(1, 6)]
    assert [chunks["CounterValue"] for chunks in got["chunks"]] == [1, 2, 3, 4, 5]
    assert [chunks["EncoderValue"] for chunks in got["chunks"]] == [200, 400, 600, 800, 1000]
    assert [chunks["FrameID"] for chunks in got["chunks"]] == [0, 1, 2, 3, 4]
    assert {(chunks["LineStatusAll"], round(chunks["ExposureTime"], 1)) for chunks in got["chunks"]} == {(1, 499.8)}
    assert (got["silence"], got["counter"], got["encoder"], got["edges"]) == (0, 5, 1000, 12)
    assert (got["truth"]["edges"], got["truth"]["exposed"], got["truth"]["delivered"]) == (5, 5, 5)


def test_a_software_trigger_gives_one_frame(cti: str, make_controls: MakeControls) -> None:
    assert run_alone(sim_triggers.software, cti, environment=make_controls().environment()) == [0, 0, 1, 0]


def test_a_burst_gives_its_number_of_frames_for_each_part(cti: str, make_controls: MakeControls) -> None:
    controls = make_controls(SimulationConfig((SMALL,)))

    got = run_alone(sim_triggers.burst, cti, environment=controls.environment())

    assert got == {"parts": [1, 1, 1, 2, 2, 2], "silence": 0}


def test_parts_that_come_by_themselves_are_all_counted(cti: str, make_controls: MakeControls) -> None:
    controls = make_controls(SimulationConfig((SMALL,)))

    got: Any = run_alone(sim_triggers.running, cti, 40, 500.0, environment=controls.environment())

    n = got["edges"]
    assert n >= 40
    assert got["counter"] == list(range(1, n + 1))
    assert got["ids"] == list(range(n))
    assert (got["truth"]["edges"], got["truth"]["delivered"], got["truth"]["over_triggers"]) == (n, n, 0)
    assert {round(gap, -5) for gap in got["gaps_ns"]} == {5_000_000}  # trigger times are exact, whenever they are seen


def test_a_part_that_comes_during_an_exposure_is_an_over_trigger(cti: str, make_controls: MakeControls) -> None:
    controls = make_controls(SimulationConfig((SMALL,)))

    got: Any = run_alone(sim_triggers.running, cti, 10, 7_000.0, environment=controls.environment())

    n = len(got["ids"])
    assert got["ids"] == list(range(n))  # no gap: only the counters know
    assert got["truth"]["over_triggers"] == got["over"] > 0
    assert got["truth"]["edges"] == got["edges"] == n + got["over"]
    assert got["counter"] == list(range(1, 2 * n, 2))


def test_over_triggers_are_told_as_events(cti: str, make_controls: MakeControls) -> None:
    got: Any = run_alone(sim_triggers.over_trigger_event, cti, environment=make_controls().environment())

    assert got["truth"] > 5
    assert got["events"] == got["truth"]


def test_an_over_trigger_is_told_when_it_comes_while_its_neighbour_is_exposed(
    cti: str, make_controls: MakeControls
) -> None:
    got: Any = run_alone(sim_triggers.over_trigger_at_once, cti, environment=make_controls().environment())

    assert (got["frames_before"], got["id"], got["trigger"]) == (0, "9002", 2)
    assert got["later_ms"] == pytest.approx(20.0, abs=0.001)


@pytest.mark.parametrize("framed", [False, True])
def test_lines_by_encoder_fill_strips_and_backward_moves_are_made_up_for(
    cti: str, make_controls: MakeControls, framed: bool
) -> None:
    camera = CameraConfig(width=32, height=8, line_scan=True)
    controls = make_controls(SimulationConfig((camera,)))

    got: Any = run_alone(sim_triggers.lines_by_encoder, cti, framed, environment=controls.environment())

    assert all(step["right"] for step in got)
    starts = [step["encoder"] for step in got]
    if framed:
        assert starts == [[0], [], [], [], [], [64], []]
    else:
        assert starts == [[0], [], [32], [], [], [64], [96, 128]]


def test_a_free_line_scan_camera_fills_strips_at_its_line_rate(cti: str, make_controls: MakeControls) -> None:
    camera = CameraConfig(width=32, line_scan=True)
    controls = make_controls(SimulationConfig((camera,)))

    assert run_alone(sim_triggers.free_lines, cti, environment=controls.environment()) == [5_000_000] * 4


def test_features_are_clamped_locked_selected_and_loaded(cti: str, make_controls: MakeControls) -> None:
    got: Any = run_alone(sim_triggers.features, cti, environment=make_controls().environment())

    assert round(got["exposure_us"], 1) == 499.8
    assert 2000 < got["rate_hz"] < 2001  # no faster than exposures follow each other
    assert got["heartbeat_us"] == 700_000
    assert got["refused"] == ["OutOfRangeException"] * 3
    assert (got["delay_of_other_selector"], got["locked"], got["not_locked"]) == (0.0, "AccessException", "")
    assert round(got["after_load_us"], 1) == 499.8
    assert got["latched_later"] is True


def test_an_older_camera_has_the_older_names(cti: str, make_controls: MakeControls) -> None:
    controls = make_controls(SimulationConfig(old_names=True))

    got: Any = run_alone(sim_triggers.old_names, cti, environment=controls.environment())

    assert [round(got[0], 1), *got[1:]] == [300.0, 12, False, False]
