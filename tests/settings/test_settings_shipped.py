"""The files that are shipped: configurations load, documentation is current."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge_inspector.acquire.pixels import FORMATS
from edge_inspector.acquire.replay import SUFFIXES
from edge_inspector.settings.camera import PICTURE_SUFFIXES
from edge_inspector.settings.camera_faults import DEPTHS, GROUPS
from edge_inspector.settings.describe import describe
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.load import load_line
from edge_inspector.settings.read import read_yaml
from edge_inspector.settings.section import Section

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_configuration_loads_and_can_be_explained(path: Path) -> None:
    told = describe(load_line(path))

    assert told[0].startswith("line ")


def test_the_example_shows_every_section() -> None:
    data, _ = read_yaml(ROOT / "config" / "line.yaml")

    assert list(data) == list(LineSettings.model_fields)


def test_generated_pages_are_current() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "docs"), "--check"]

    answer = subprocess.run(command, capture_output=True, text=True, check=False)

    assert answer.stdout == ""
    assert answer.returncode == 0, answer.stderr


def test_every_key_is_described_in_the_schema() -> None:
    schema = json.loads((ROOT / "config" / "schema.json").read_text("utf-8"))

    for name, section in {**schema["$defs"], "LineSettings": schema}.items():
        assert section["description"], name
        for key, field in section["properties"].items():
            assert "description" in field or "$ref" in json.dumps(field), f"{name}.{key}"


def test_the_pixel_formats_of_the_settings_are_those_that_can_be_read() -> None:
    schema = json.loads((ROOT / "config" / "schema.json").read_text("utf-8"))

    assert schema["$defs"]["GenicamSettings"]["properties"]["pixel_format"]["enum"] == [one.name for one in FORMATS]
    assert all((one.channels == 1) == one.name.startswith("Mono") for one in FORMATS)


def test_depths_and_groups_that_the_settings_check_are_those_that_are_read() -> None:
    depths = {one.name: next((n for start, n in DEPTHS.items() if one.name.startswith(start)), 8) for one in FORMATS}

    assert depths == {one.name: one.depth for one in FORMATS}
    assert {one.name: one.group for one in FORMATS if one.group > 1} == GROUPS


def test_the_pictures_that_the_settings_look_for_are_those_that_are_replayed() -> None:
    assert PICTURE_SUFFIXES == SUFFIXES


def test_the_daemon_does_not_read_the_source_of_its_settings_at_start() -> None:
    # Parsing them for the docstrings of the fields costs 16 ms of each start and serves nobody there.
    assert not Section.model_config.get("use_attribute_docstrings", False)
