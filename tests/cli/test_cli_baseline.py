"""`camera baseline`: what it says, what it writes, and with which code it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cli_program import FRAME, Sandbox, has_all, viky
from fakes.tiny_bundle import draw_tile

REPLAY: dict[str, Any] = {"kind": "replay", "folder": "pictures", "frame": FRAME}
SIZE = (FRAME["height"], FRAME["width"])


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    (tmp_path / "pictures").mkdir()
    for number in range(6):
        cv2.imwrite(str(tmp_path / "pictures" / f"{number}.png"), draw_tile(SIZE, 3, seed=number))
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.mark.parametrize("camera", [REPLAY, {"kind": "synthetic", "frame": FRAME, "rate_hz": None}])
def test_a_baseline_is_told_in_words_kept_in_the_state_folder_and_taken_up_by_check(
    sandbox: Sandbox, camera: dict[str, Any]
) -> None:
    config = sandbox.config(camera, image_health={"brightness_tolerance": 0.9, "sharpness_tolerance": 0.9})

    said = sandbox.say("camera", "baseline", "--config", config, "--frames", "6")
    check = sandbox.say("check", "--no-camera", "--config", config)

    assert said.code == 0, said.err
    assert has_all(said.out, ["6 pictures of cam0", "brightness", "sharpness", "out of focus", "baseline.json"])
    kept = json.loads((sandbox.folder / "state" / "baseline.json").read_text())
    assert (kept["pictures"], kept["camera"]["kind"]) == (6, camera["kind"])
    assert check.code == 0
    assert "pictures are compared with brightness" in check.out


def test_check_says_that_there_is_no_baseline_and_what_to_do(sandbox: Sandbox) -> None:
    said = sandbox.say("check", "--config", sandbox.config(REPLAY))

    assert said.code == 0
    assert has_all(said.out, ["no baseline", "edge-inspector camera baseline"])


def test_unhealthy_pictures_end_with_69_and_write_nothing(sandbox: Sandbox) -> None:
    cv2.imwrite(str(sandbox.folder / "pictures" / "3.png"), np.zeros((*SIZE, 3), np.uint8))

    said = sandbox.say("camera", "baseline", "--config", sandbox.config(REPLAY))

    assert said.code == 69
    assert has_all(said.error, ["1 of 6 pictures are black", "lamp", "record again"])
    assert not (sandbox.folder / "state" / "baseline.json").exists()


def test_a_camera_that_is_not_there_ends_with_69(sandbox: Sandbox) -> None:
    said = sandbox.say("camera", "baseline", "--config", sandbox.config(viky(cti="absent.cti")))

    assert said.code == 69
    assert "absent.cti" in said.error


def test_pictures_too_unlike_each_other_end_with_78_and_name_the_key_with_its_line(sandbox: Sandbox) -> None:
    config = sandbox.config(REPLAY, image_health={"brightness_tolerance": 0.0001})

    said = sandbox.say("camera", "baseline", "--config", config)

    assert said.code == 78
    line = 1 + config.read_text().splitlines().index("  brightness_tolerance: 0.0001")
    assert has_all(said.error, [f"line.yaml:{line}: image_health.brightness_tolerance", "or set"])


@pytest.mark.parametrize("verb", [["check"], ["run"]])
def test_a_baseline_of_another_camera_ends_with_78_and_says_record_it_again(sandbox: Sandbox, verb: list[str]) -> None:
    sandbox.say("camera", "baseline", "--config", sandbox.config(REPLAY))
    config = sandbox.config(REPLAY | {"name": "cam1"})

    said = sandbox.say(*verb, "--config", config)

    assert said.code == 78
    assert has_all(said.error, ["baseline.json", "camera name 'cam0'", "edge-inspector camera baseline"])


@pytest.mark.parametrize("n", ["4", "0", "ten"])
def test_too_few_pictures_are_a_matter_of_the_command_line(sandbox: Sandbox, n: str) -> None:
    assert sandbox.say("camera", "baseline", "--config", sandbox.config(REPLAY), "--frames", n).code == 64
