"""Settings of a camera read, written as text, read back, and written to another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.node_map import area_camera, choice, command, integer, node_map, number, selector, switch
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.acquire.feature_text import feature_yaml, scalar_text
from edge_inspector.acquire.inventory import Setting, as_tree, take_inventory
from edge_inspector.acquire.write import differences, write_features
from edge_inspector.app.features import features_of
from edge_inspector.core.features import FeatureValue
from edge_inspector.settings.compose import Composer
from edge_inspector.settings.read import read_yaml


def names(camera: Any) -> list[str]:
    return [setting.name for setting in take_inventory(camera)]


def test_only_what_can_be_written_is_a_setting() -> None:
    camera = node_map(
        integer("Width", 64),
        integer("PayloadSize", 64).replace("<Streamable>Yes", "<Streamable>No"),
        '<Float Name="Temperature"><ImposedAccessMode>RO</ImposedAccessMode><Streamable>Yes</Streamable>'
        "<Value>1</Value></Float>",
        command("UserSetLoad"),
        switch("ReverseX", True),
    )

    assert as_tree(take_inventory(camera)) == {"Width": 64, "ReverseX": True}


def test_where_a_camera_marks_nothing_as_a_setting_all_that_can_be_written_is_one() -> None:
    unmarked = [node.replace("<Streamable>Yes</Streamable>", "") for node in (integer("Width", 64), switch("ReverseX"))]

    assert sorted(names(node_map(*unmarked))) == ["ReverseX", "Width"]


def test_what_frees_or_limits_others_comes_first_and_the_trigger_is_armed_last() -> None:
    camera = node_map(
        number("ExposureTime", 50, 1, 100),
        choice("TriggerMode", "Off", "On"),
        choice("TriggerSource", "Line0"),
        integer("OffsetX", 0),
        integer("Width", 64),
        integer("BinningHorizontal", 1),
        choice("ExposureAuto", "Off", "Once"),
    )

    assert names(camera) == [
        "ExposureAuto",
        "BinningHorizontal",
        "Width",
        "OffsetX",
        "ExposureTime",
        "TriggerSource",
        "TriggerMode",
    ]


def test_each_entry_of_a_selector_has_its_block_and_the_selector_is_left_as_it_was() -> None:
    camera = area_camera()
    write_features(camera, {"TriggerSelector": {"FrameBurstStart": {"TriggerSource": "Line1"}}}, "cam0")

    tree = as_tree(take_inventory(camera))

    assert tree["TriggerSelector"]["FrameBurstStart"]["TriggerSource"] == "Line1"
    assert tree["TriggerSelector"]["FrameStart"]["TriggerSource"] == "Software"
    assert camera.get_node("TriggerSelector").value == "FrameStart"


def test_what_one_camera_has_can_be_written_to_another(tmp_path: Path) -> None:
    first, second = area_camera(), area_camera()
    on = {"TriggerSource": "Line1", "TriggerActivation": "FallingEdge", "TriggerMode": "On"}
    write_features(first, {"ExposureTime": 123.5, "Width": 800, "TriggerSelector": {"FrameStart": on}}, "cam0")
    file = tmp_path / "saved.yaml"

    file.write_text(feature_yaml(take_inventory(first), "Maker Model, serial 1"))
    saved = features_of(file)
    before = [str(one.step) for one in differences(second, saved)]
    write_features(second, saved, "cam1")

    at = "(TriggerSelector=FrameStart)"
    assert sorted(before) == sorted(
        ["Width", "ExposureTime", *(f"{name} {at}" for name in ("TriggerSource", "TriggerActivation", "TriggerMode"))]
    )
    assert take_inventory(second) == take_inventory(first)
    assert list(differences(second, saved)) == []


def test_the_file_tells_what_is_allowed_and_for_which_camera() -> None:
    text = feature_yaml(take_inventory(node_map(integer("Width", 64, 16, 1600, 16))), "Maker Model, serial 1")

    assert "# Maker Model, serial 1:" in text
    line = next(line for line in text.splitlines() if "Width" in line)
    assert line.split() == ["Width:", "64", "#", "16", "to", "1600", "in", "steps", "of", "16"]


def test_a_camera_without_settings_gives_a_file_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(feature_yaml([], "nobody"))

    assert features_of(tmp_path / "f.yaml") == {}


WORDS = st.text(st.characters(max_codepoint=0x2FF, exclude_categories=["Cs"]))
NUMBERS = st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)


@given(value=st.booleans() | NUMBERS | WORDS)
def test_every_value_is_read_as_it_was_written(value: FeatureValue) -> None:
    document = Composer("f.yaml", f"features:\n  A: {scalar_text(value)}\n").compose()

    got = document["features"]["A"]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize("word", ["On", "Off", "Line0", "true", "null", "0123", "1e3", "", "a b", "a: b", "#1", "é"])
def test_words_that_could_be_read_otherwise_stand_in_quotes(word: str, tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(feature_yaml([Setting("A", (("S", word or "x"),), word, "")], "nobody"), "utf-8")

    assert read_yaml(tmp_path / "f.yaml")[0] == {"features": {"S": {word or "x": {"A": word}}}}
    assert scalar_text("On") == "On"


def test_nested_selectors_make_nested_blocks() -> None:
    inner = selector("InnerSelector", ("A", "B"), Mode=("Off", "On"))
    outer = selector("OuterSelector", ("X",)).replace("</Enumeration>", "<pSelected>Mode</pSelected></Enumeration>")

    tree = as_tree(take_inventory(node_map(outer, inner)))

    blocks = tree.get("OuterSelector", tree)
    assert str(blocks).count("Mode") == 2
