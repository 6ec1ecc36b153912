"""Which camera and which features a file names."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_inspector.app.features import features_of, meant_camera, save_text
from edge_inspector.core.errors import SettingsError, UsageError

LINE = """\
line: press-3
camera:
  kind: genicam
  cti: viky
  serial: "2"
  frame: {width: 512, height: 256, channels: 1}
  preset: photo_eye
  features: {Gain: 2.0, TriggerSelector: {FrameStart: {TriggerActivation: AnyEdge}}}
model: {bundle: bundle, unsigned: allow}
state_dir: state
"""


@pytest.fixture
def line(tmp_path: Path) -> Path:
    (tmp_path / "line.yaml").write_text(LINE)
    return tmp_path / "line.yaml"


def test_a_configuration_gives_frame_preset_and_features_as_they_are_written(line: Path) -> None:
    features = features_of(line)

    assert {name: features[name] for name in ("PixelFormat", "Width", "Height", "Gain")} == {
        "PixelFormat": "Mono8",
        "Width": 512,
        "Height": 256,
        "Gain": 2.0,
    }
    block = features["TriggerSelector"]["FrameStart"]
    assert block == {"TriggerSource": "Line0", "TriggerMode": "On", "TriggerActivation": "AnyEdge"}


def test_the_camera_is_named_by_a_configuration_or_by_itself(line: Path) -> None:
    assert meant_camera(line, None, "") == ("viky", "2")
    assert meant_camera(None, "/opt/a.cti", "7") == ("/opt/a.cti", "7")


def test_a_camera_that_is_named_twice_or_not_at_all_is_a_mistake_of_the_command(line: Path) -> None:
    for config, cti, serial in ((None, None, ""), (line, "viky", ""), (line, None, "2")):
        with pytest.raises(UsageError, match="--cti"):
            meant_camera(config, cti, serial)


def test_a_line_without_a_camera_of_features_is_refused(line: Path) -> None:
    (line.parent / "pictures").mkdir()
    (line.parent / "pictures" / "a.png").touch()
    line.write_text(LINE[: LINE.index("camera:")] + "camera: {kind: replay, folder: pictures, frame: {width: 64, height: 64, channels: 1}}\n" + LINE[LINE.index("model:") :])  # fmt: skip  # noqa: E501

    with pytest.raises(UsageError, match="kind replay"):
        meant_camera(line, None, "")
    with pytest.raises(UsageError, match="no features"):
        features_of(line)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("features: {Gain: [1]}", r"f\.yaml:1: features\.Gain: must be true or false"),
        ("featuers: {Gain: 1}", "features"),
        ("features: {TriggerSelector: {FrameStart: 1}}", "must be a block of features"),
        ("[1]", "valid dictionary|block"),
    ],
)
def test_a_file_of_something_else_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "f.yaml").write_text(text)

    with pytest.raises(SettingsError, match=said):
        features_of(tmp_path / "f.yaml")


def test_a_file_that_cannot_be_written_is_a_mistake_of_the_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: Is a directory"):
        save_text(tmp_path, "features: {}")
