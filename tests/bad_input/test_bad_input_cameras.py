"""What a camera does not take, as a person meets it: `check` says which, why and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_cameras import FEATURES, HELD_BY_TESTS, BadFeature
from cli.cli_program import FRAME, Sandbox

from edge_inspector.simulator.build import find_compiler
from edge_inspector.simulator.config import CameraConfig, SimulationConfig
from edge_inspector.simulator.controls import ENVIRONMENT, Controls

if find_compiler() is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

TESTS = Path(__file__).resolve().parents[1]
CAMERA = {"kind": "genicam", "cti": "simulator", "serial": "SIM0001", "pixel_format": "RGB8", "frame": FRAME}


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    camera = CameraConfig(width=FRAME["width"], height=FRAME["height"], pixel_format="RGB8")
    controls = Controls.create(tmp_path / "control", SimulationConfig((camera,)))
    monkeypatch.setenv(ENVIRONMENT, str(controls.path))
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


def test_the_camera_takes_what_is_right(sandbox: Sandbox) -> None:
    said = sandbox.say("check", "--config", sandbox.config(CAMERA))

    assert (said.code, said.error) == (0, "")


@pytest.mark.parametrize("bad", FEATURES, ids=lambda bad: bad.what)
def test_what_the_camera_does_not_take_ends_with_69_and_what_it_would(sandbox: Sandbox, bad: BadFeature) -> None:
    said = sandbox.say("check", "--config", sandbox.config(CAMERA | bad.camera))

    assert said.code == 69, said.err
    assert said.error == f"error: camera cam0 {bad.sees}\n"


def test_every_test_that_the_page_names_is_there() -> None:
    there = {
        name for path in TESTS.rglob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }

    assert {name for _, _, names in HELD_BY_TESTS for name in names} <= there
