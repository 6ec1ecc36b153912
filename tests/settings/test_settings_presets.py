"""Presets: tables of features, and who wins."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from edge_inspector.core.features import steps_of, without
from edge_inspector.settings.camera import GenicamSettings
from edge_inspector.settings.presets import PRESETS, PresetName
from edge_inspector.settings.trigger import TriggerSettings


def camera(**given: Any) -> GenicamSettings:
    frame = {"width": 64, "height": 64, "channels": 1}
    return GenicamSettings.model_validate({"kind": "genicam", "cti": "viky", "frame": frame, **given})


def written(features: Any) -> dict[str, Any]:
    return {str(step): step.value for step in steps_of(features)}


MOST: dict[str, TriggerSettings] = {
    "free_run": TriggerSettings(frame_rate_hz=20.0),
    "photo_eye": TriggerSettings(line="Line3", edge="FallingEdge", delay_us=10.0, debounce_us=50.0),
    "line_scan_encoder": TriggerSettings(line="Line3", encoder_a="Line4", encoder_b="Line5", encoder_divider=7),
    "endless_web": TriggerSettings(encoder_divider=7),
    "software": TriggerSettings(),
    "burst": TriggerSettings(burst_frames=4, frame_rate_hz=50.0),
}
ON: dict[str, set[str]] = {
    "free_run": set(),
    "photo_eye": {"FrameStart"},
    "line_scan_encoder": {"FrameStart", "LineStart"},
    "endless_web": {"LineStart"},
    "software": {"FrameStart"},
    "burst": {"FrameBurstStart"},
}


def test_every_name_has_its_preset() -> None:
    assert set(PRESETS) == set(get_args(PresetName)) == set(MOST)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_switches_on_what_it_needs_and_everything_else_off(name: str) -> None:
    modes = {
        step.at[0][1]: step.value for step in steps_of(PRESETS[name].features(MOST[name])) if step.name == "TriggerMode"
    }

    assert {entry for entry, mode in modes.items() if mode == "On"} == ON[name]
    assert set(modes) == {"AcquisitionStart", "FrameBurstStart", "FrameStart", "LineStart"}


@pytest.mark.parametrize("name", PRESETS)
def test_every_parameter_that_a_preset_takes_changes_what_it_writes(name: str) -> None:
    preset = PRESETS[name]
    others: dict[str, Any] = {
        **dict.fromkeys(("line", "encoder_a", "encoder_b"), "Other"),
        **dict.fromkeys(("delay_us", "debounce_us", "frame_rate_hz", "line_rate_hz"), 77.0),
        **dict.fromkeys(("encoder_divider", "burst_frames"), 9),
        "edge": "AnyEdge",
    }
    plain = preset.features(TriggerSettings())

    for parameter in set(TriggerSettings.model_fields) - {"frame_rate_hz"}:
        changed = preset.features(TriggerSettings(**{parameter: others[parameter]}))
        assert (changed != plain) is (parameter in preset.uses), parameter


def test_photo_eye_writes_source_edge_and_delay_before_the_trigger_is_on() -> None:
    steps = [str(step) for step in steps_of(PRESETS["photo_eye"].features(MOST["photo_eye"]))]

    at = " (TriggerSelector=FrameStart)"
    order = [f"{name}{at}" for name in ("TriggerSource", "TriggerActivation", "TriggerDelay", "TriggerMode")]
    assert [step for step in steps if step in order] == order


def test_line_scan_takes_its_lines_from_the_encoder_and_its_beginning_from_the_part_sensor() -> None:
    features = written(PRESETS["line_scan_encoder"].features(MOST["line_scan_encoder"]))

    assert features["TriggerSource (TriggerSelector=LineStart)"] == "Encoder0"
    assert features["TriggerSource (TriggerSelector=FrameStart)"] == "Line3"
    assert features["EncoderDivider (EncoderSelector=Encoder0)"] == 7
    assert features["EncoderSourceB (EncoderSelector=Encoder0)"] == "Line5"
    assert features["EncoderOutputMode (EncoderSelector=Encoder0)"] == "PositionUp"  # a belt that settles gives no line


def test_a_web_without_an_encoder_runs_by_time() -> None:
    features = written(PRESETS["endless_web"].features(TriggerSettings(line_rate_hz=8000.0)))

    assert features["AcquisitionLineRate"] == 8000.0
    assert features["TriggerMode (TriggerSelector=LineStart)"] == "Off"


@pytest.mark.parametrize(
    ("given", "silence_is_normal"),
    [
        ({}, False),
        ({"triggered": True}, True),
        ({"preset": "free_run"}, False),
        ({"preset": "photo_eye"}, True),
        ({"preset": "photo_eye", "triggered": False}, False),
        ({"preset": "line_scan_encoder"}, True),
        ({"preset": "endless_web"}, True),
        ({"preset": "endless_web", "trigger": {"line_rate_hz": 5.0}}, False),
        ({"preset": "software"}, True),
        ({"preset": "burst"}, True),
    ],
)
def test_silence_is_normal_as_the_preset_says_unless_the_line_says_otherwise(
    given: dict[str, Any], silence_is_normal: bool
) -> None:
    assert camera(**given).is_triggered is silence_is_normal


@pytest.mark.parametrize(
    "own",
    [
        {"TriggerSelector": {"FrameStart": {"TriggerActivation": "LevelHigh"}}},
        {"TriggerSelector": "FrameStart", "TriggerActivation": "LevelHigh"},
        {"LineSelector": "Line0", "TriggerSelector": "FrameStart", "TriggerActivation": "LevelHigh"},
    ],
)
def test_own_features_win_at_the_same_place_and_only_there(own: dict[str, Any]) -> None:
    features = written(camera(preset="photo_eye", features=own).preset_features)

    assert "TriggerActivation (TriggerSelector=FrameStart)" not in features
    assert features["TriggerSource (TriggerSelector=FrameStart)"] == "Line0"


def test_what_is_taken_out_leaves_no_empty_block() -> None:
    features = {"A": {"X": {"B": 1}, "Y": {"B": 2}}, "C": 3}

    assert without(features, {"A": {"X": {"B": 9}}}) == {"A": {"Y": {"B": 2}}, "C": 3}
    assert without(features, {"C": 9}) == {"A": {"X": {"B": 1}, "Y": {"B": 2}}}


def test_a_plain_selector_selects_for_what_follows_until_it_is_switched() -> None:
    features = {
        "Gain": 1.0,
        "LineSelector": "Line0",
        "LineMode": "Input",
        "TriggerSelector": {"X": {"TriggerMode": "On"}},
    }

    assert [str(step) for step in steps_of(features)] == [
        "Gain",
        "LineSelector",
        "LineMode (LineSelector=Line0)",
        "TriggerMode (LineSelector=Line0, TriggerSelector=X)",
    ]
