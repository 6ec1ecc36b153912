"""The GenICam path for real, on the simulated producer that ships in the genicam wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import viky_runs
from fakes.alone import answer_of, run_alone, start_alone

from edge_inspector.settings.presets import PRESETS
from edge_inspector.settings.trigger import TriggerSettings

N_FRAMES, FPS = 200, 50.0
FREE_RUN = PRESETS["free_run"].features(TriggerSettings(frame_rate_hz=30.0))


@pytest.mark.parametrize(
    ("changes", "features", "error", "said"),
    [
        ({"serial": ""}, {}, "CameraNotFoundError", ["3 cameras", "0 (Viky), 1 (Viky), 2 (Viky)", "camera.serial"]),
        ({"serial": "01"}, {}, "CameraNotFoundError", ["'01'", "0 (Viky)", "camera.serial"]),
        ({"pixel_format": "Mono8"}, {}, "CameraFormatError", ["Mono8 gives 1 channel", "channels is 3"]),
        ({"pixel_format": "BGR8"}, {}, "CameraFormatError", ["'BGR8'", "allowed: RGBa8, Mono8", "camera.pixel_format"]),
        ({"pixel_format": "RGB10p32"}, {}, "CameraFormatError", ["'RGB10p32'", "Mono8, RGB8"]),
        ({}, {"Width": 99}, "CameraFormatError", ["Width = 99", "100 to 800 in steps of 1", "camera.frame.width"]),
        ({}, {"Width": 161}, "CameraFormatError", ["Width 161", "configuration says 160"]),
        ({}, {"Widht": 160}, "CameraFormatError", ["no feature 'Widht'", "did you mean Width"]),
        ({}, {"AcquisitionFrameRate": 1000}, "CameraFormatError", ["1000", "it has 20.0", "allowed: 1 to 200"]),
        ({}, {"BouncingBallSize": 2.5}, "CameraFormatError", ["does not take a float", "1 to 40 in steps of 1"]),
        ({}, {"PayloadSize": 3}, "CameraFormatError", ["PayloadSize = 3", "can only be read"]),
        ({}, {"BouncingBallSize": 12, "DeviceRegistersStreamingStart": True, "AcquisitionFrameRate": 50}, "opened", []),
    ],
)
def test_what_the_camera_does_not_keep_is_refused_with_values_and_what_is_allowed(
    changes: dict[str, Any], features: dict[str, Any], error: str, said: list[str]
) -> None:
    name, message = run_alone(viky_runs.refusal, changes, features)  # type: ignore[misc]

    assert name == error, message
    assert [part for part in said if part not in message] == [], message


def test_a_file_that_is_no_producer_is_refused_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "text.cti"
    file.write_text("not a library")

    name, message = run_alone(viky_runs.refusal, {"cti": str(file)}, {})  # type: ignore[misc]

    assert name == "CameraNotFoundError"
    assert "text.cti cannot be loaded as a GenTL producer" in message
    assert "ELF" in message or "too short" in message


def test_what_a_camera_has_is_read_and_written_to_another_one_and_then_nothing_differs() -> None:
    changes = {"BouncingBallSize": 33, "AcquisitionFrameRate": 55.0}

    before, after = run_alone(viky_runs.copied_features, changes)  # type: ignore[misc]

    assert before == ["AcquisitionFrameRate", "BouncingBallSize"]
    assert after == []


def test_a_preset_that_switches_triggers_off_suits_a_camera_without_triggers() -> None:
    assert run_alone(viky_runs.refusal, {"preset_features": FREE_RUN}, {}) == ["opened", ""]


@pytest.mark.parametrize("preset", ["photo_eye", "software"])
def test_a_preset_that_needs_a_trigger_is_refused_by_a_camera_without(preset: str) -> None:
    features = PRESETS[preset].features(TriggerSettings())

    name, message = run_alone(viky_runs.refusal, {"preset_features": features}, {})  # type: ignore[misc]

    assert name == "CameraFormatError"
    assert "no feature 'TriggerSelector'" in message


def test_a_refused_camera_lets_go_of_the_producer() -> None:
    assert run_alone(viky_runs.refused_then_opened) == "opened"


@pytest.mark.parametrize(("serial", "channel"), [("0", 0), ("1", 1), ("2", 2)])
def test_a_red_green_or_blue_ball_is_so_in_rgb(serial: str, channel: int) -> None:
    colour = run_alone(viky_runs.colour_of, serial)

    assert isinstance(colour, list)
    assert colour.index(max(colour)) == channel
    assert max(colour) > 2 * sorted(colour)[1]


def test_a_grey_camera_gives_one_channel() -> None:
    assert run_alone(viky_runs.grey_snap) == [120, 160, 1]


def test_every_camera_of_a_producer_is_listed() -> None:
    assert run_alone(viky_runs.listing) == [
        ["0", "VikyTL_DEV_red", "free"],
        ["1", "VikyTL_DEV_green", "free"],
        ["2", "VikyTL_DEV_blue", "free"],
    ]


def test_ctrl_c_still_ends_the_process_while_a_camera_is_open() -> None:
    assert run_alone(viky_runs.interrupted) == "interrupted"


def test_three_cameras_in_three_processes_lose_no_frame_at_50_fps() -> None:
    processes = [start_alone(viky_runs.acquire, serial, N_FRAMES, FPS) for serial in ("0", "1", "2")]

    runs: list[Any] = [answer_of(process) for process in processes]

    for run in runs:
        assert run["n_frames"] == N_FRAMES
        assert run["ids"] == list(range(run["ids"][0], run["ids"][0] + N_FRAMES))
    assert max(run["from_ns"] for run in runs) < min(run["to_ns"] for run in runs)  # truly at once
