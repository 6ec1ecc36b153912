"""Every preset on a simulated camera: it is taken as it is, and the camera then does what the preset is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest
import sim_presets
from fakes.alone import run_alone
from sim_child import MakeControls, require_compiler
from sim_presets import HEIGHT, WIDTH

from edge_inspector.settings.presets import PRESETS, PresetName
from edge_inspector.settings.trigger import TriggerSettings
from edge_inspector.simulator.config import CameraConfig, SimulationConfig
from edge_inspector.simulator.features import FEATURES

require_compiler()

RUNS = {
    "free_run": sim_presets.free_run,
    "photo_eye": sim_presets.photo_eye,
    "line_scan_encoder": sim_presets.line_scan_encoder,
    "endless_web": sim_presets.endless_web,
    "software": sim_presets.software,
    "burst": sim_presets.burst,
}


See = Callable[..., Any]


@pytest.fixture
def see(cti: str, make_controls: MakeControls) -> See:
    """What a run saw, with an area camera or a line-scan one."""

    def look(run: Callable[[str], object], line_scan: bool = False) -> Any:
        camera = CameraConfig(width=WIDTH, height=HEIGHT, stamped=True, line_scan=line_scan)
        return run_alone(run, cti, environment=make_controls(SimulationConfig((camera,))).environment())

    return look


def test_every_preset_is_tried() -> None:
    assert list(RUNS) == list(PRESETS) == list(get_args(PresetName))


def test_free_run_gives_pictures_at_the_camera_s_rate_whatever_passes(see: See) -> None:
    got = see(sim_presets.free_run)

    assert got == {"on": [], "set": [True, 50.0], "gaps_ms": [20.0] * 5}


def test_photo_eye_gives_a_picture_for_each_part_after_delay_and_debouncing(see: See) -> None:
    got = see(sim_presets.photo_eye)

    assert got["on"] == ["FrameStart"]
    assert got["set"] == ["Line0", "FallingEdge", 1000.0, "Timed"]
    assert (got["debounce_us"], got["without"], got["parts"]) == (50.0, [], [1, 2, 3])
    assert got["later_us"] == pytest.approx(1050.0)


def test_line_scan_encoder_fills_a_picture_by_the_encoder_for_each_part(see: See) -> None:
    got = see(sim_presets.line_scan_encoder, line_scan=True)

    assert (got["on"], got["sources"]) == (["FrameStart", "LineStart"], ["Line0", "Encoder0"])
    assert got["encoder"] == ["Line1", "Line2", "FourPhase", 2, "PositionUp"]
    assert got["parts"] == [[], [], [1], [], [2]]


def test_endless_web_gives_strip_after_strip_by_the_encoder(see: See) -> None:
    got = see(sim_presets.endless_web, line_scan=True)

    assert got["on"] == ["LineStart"]
    assert got["encoder"] == ["Line2", "Line1", "FourPhase", 2, "PositionUp"]
    assert got["strips"] == [[0, 1], [], [], [2]]


def test_endless_web_without_an_encoder_gives_strips_by_time(see: See) -> None:
    got = see(sim_presets.timed_web, line_scan=True)

    assert got == {"on": [], "rate_hz": 1600.0, "gaps_ms": [10.0] * 5}


def test_software_gives_a_picture_for_each_command_of_this_computer(see: See) -> None:
    got = see(sim_presets.software)

    assert (got["on"], got["source"], got["ids"]) == (["FrameStart"], "Software", [0, 1, 2, 3])
    assert got["least_gap_ms"] > 0.0
    assert got["exposed_for_parts"] == 0


def test_burst_gives_its_number_of_pictures_for_each_part_at_the_camera_s_rate(see: See) -> None:
    got = see(sim_presets.burst)

    assert (got["on"], got["set"]) == (["FrameBurstStart"], [3, 200.0])
    assert got["parts"] == [[1, 1, 1], [2, 2, 2]]
    assert got["gaps_ms"] == [5.0, 5.0]


def test_the_camera_can_do_whatever_a_preset_may_be_told() -> None:
    entries = {each.name: set(each.entries) for each in FEATURES}

    assert set(get_args(TriggerSettings.model_fields["edge"].annotation.__args__[0])) <= entries["TriggerActivation"]  # type: ignore[union-attr]
