"""`camera simulate`: parts pass, a line is told how to see them, mistakes are told in words."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from edge_inspector.cli.simulate import simulate
from edge_inspector.settings.camera import GenicamSettings
from edge_inspector.simulator.build import find_compiler
from edge_inspector.simulator.faults import Fault

if find_compiler() is None:
    pytest.skip("there is no C compiler", allow_module_level=True)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(simulate, arguments)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.full((64, 128, 3), 90, np.uint8))
    return folder


def test_it_tells_where_the_cameras_are_and_a_camera_block_that_is_a_configuration(images: Path) -> None:
    told = run("--images", str(images), "--pixel-format", "RGB8", "--for", "0.01")

    assert told.exit_code == 0, told.output
    assert "export EDGE_INSPECTOR_SIMULATOR=/" in told.output
    block = yaml.safe_load(told.output[told.output.index("camera:\n") : told.output.rindex("parts ")])
    camera = GenicamSettings.model_validate(block["camera"])
    assert (camera.frame.width, camera.frame.height, camera.frame.channels) == (128, 64, 3)
    assert camera.is_triggered
    assert told.output.splitlines()[-1].startswith("parts ")


def test_several_cameras_are_told_as_views_of_one_part() -> None:
    told = run("--cameras", "3", "--for", "0.01")

    block = yaml.safe_load(told.output[told.output.index("camera:\n") : told.output.rindex("parts ")])
    cameras = [GenicamSettings.model_validate(view["camera"]) for view in (block, *block["more_views"])]
    assert [(camera.name, camera.serial) for camera in cameras] == [
        ("cam0", "SIM0001"),
        ("cam1", "SIM0002"),
        ("cam2", "SIM0003"),
    ]


def test_it_counts_what_passed_and_what_no_camera_saw(images: Path) -> None:
    told = run("--images", str(images), "--rate", "1000", "--for", "0.1", "--cameras", "2")

    last = told.output.splitlines()[-1]
    assert int(last.split()[1].rstrip(";")) >= 50
    assert last.count("not armed, 0 triggers, 0 frames") == 2


@pytest.mark.parametrize("text", ["dorp=5", "drop", "drop=0", "drop=x"])
def test_a_fault_that_cannot_be_had_is_told_in_words(text: str) -> None:
    told = run("--fault", text, "--for", "0.01")

    assert told.exit_code == 2  # click's own; the program makes 64 of it
    assert "drop" in told.output


def test_every_fault_can_be_had() -> None:
    faults = [word for fault in Fault for word in ("--fault", f"{fault.name.lower()}=3")]

    assert run(*faults, "--for", "0.01").exit_code == 0


def test_a_folder_without_pictures_is_told_in_words(tmp_path: Path) -> None:
    told = run("--images", str(tmp_path), "--for", "0.01")

    assert told.exit_code != 0
    assert "no picture" in str(told.exception)


def test_a_format_that_there_is_not_is_told_in_words() -> None:
    assert "Mono9" in run("--pixel-format", "Mono9", "--for", "0.01").output
