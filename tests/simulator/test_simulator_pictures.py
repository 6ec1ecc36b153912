"""What simulated cameras show, byte by byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import sim_pictures
from fakes.alone import run_alone
from sim_child import MakeControls, require_compiler

from edge_inspector.core.errors import CameraNotFoundError
from edge_inspector.simulator.config import CameraConfig, SimulationConfig
from edge_inspector.simulator.features import PIXEL_FORMATS
from edge_inspector.simulator.pictures import WRITABLE, write_pictures

require_compiler()


def test_every_format_has_exactly_the_documented_bytes(cti: str, make_controls: MakeControls) -> None:
    answers: Any = run_alone(sim_pictures.every_format, cti, environment=make_controls().environment())

    pixels = sim_pictures.WIDTH * sim_pictures.HEIGHT
    assert answers == {name: [3, True, pixels * (code >> 16 & 255) // 8] for name, code in PIXEL_FORMATS.items()}


def test_harvesters_reads_packed_and_deep_formats_as_the_formula_says(cti: str, make_controls: MakeControls) -> None:
    answers: Any = run_alone(sim_pictures.expanded, cti, environment=make_controls().environment())

    assert answers == dict.fromkeys(answers, True)
    assert len(answers) == 6


def test_a_stamped_picture_says_part_frame_and_camera(cti: str, make_controls: MakeControls) -> None:
    camera = CameraConfig(stamped=True, first_frame_id=2**33)
    controls = make_controls(SimulationConfig((camera,)))

    formats = ["Mono8", "Mono16", "Mono12p"]

    answers = run_alone(sim_pictures.stamps, cti, formats, environment=controls.environment())

    assert answers == {name: [3, 2**33 + 2, 0] for name in formats}


def test_pictures_of_a_folder_are_shown_in_turn(cti: str, make_controls: MakeControls, tmp_path: Path) -> None:
    for i, value in enumerate((10, 20, 30)):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((8, 32), value, np.uint8))
    frames = write_pictures(tmp_path, tmp_path / "frames.raw")
    camera = CameraConfig(width=frames.width, height=frames.height, pictures=frames.path, frame_rate_hz=500)
    controls = make_controls(SimulationConfig((camera,)))

    shown = run_alone(sim_pictures.played, cti, 4, environment=controls.environment())

    assert shown == [[value, 32, 8] for value in (10, 20, 30, 10)]


@pytest.mark.parametrize("pixel_format", WRITABLE)
def test_a_file_of_frames_has_the_size_of_its_format(pixel_format: str, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((6, 16, 3), np.uint8))

    frames = write_pictures(tmp_path, tmp_path / "frames.raw", pixel_format)

    assert frames.path.stat().st_size == 6 * 16 * (PIXEL_FORMATS[pixel_format] >> 16 & 255) // 8
    assert frames[1:] == (16, 6, 1)


def test_a_mosaic_has_the_colours_where_its_name_says(tmp_path: Path) -> None:
    red_green_blue = np.dstack([np.full((2, 16), value, np.uint8) for value in (30, 20, 10)])  # imwrite takes BGR
    cv2.imwrite(str(tmp_path / "a.png"), red_green_blue)

    frames = write_pictures(tmp_path, tmp_path / "frames.raw", "BayerGB8")

    mosaic = np.fromfile(frames.path, np.uint8).reshape(2, 16)
    assert mosaic[:, :2].tolist() == [[20, 30], [10, 20]]


@pytest.mark.parametrize(
    ("sizes", "said"), [([], "no pictures in"), ([(8, 16), (8, 20)], "20x8"), ([(8, 18)], "multiple of 4")]
)
def test_pictures_that_cannot_be_played_are_refused(sizes: list[tuple[int, int]], said: str, tmp_path: Path) -> None:
    for i, size in enumerate(sizes):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.zeros(size, np.uint8))

    with pytest.raises(CameraNotFoundError, match=said):
        write_pictures(tmp_path, tmp_path / "frames.raw")
