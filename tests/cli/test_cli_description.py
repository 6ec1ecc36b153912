"""A camera whose description (GenICam XML) is broken or missing: words and 69; a line stays up and tries again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_program import Sandbox, has_all, heard, is_event

from edge_inspector.simulator.build import find_compiler
from edge_inspector.simulator.config import CameraConfig, SimulationConfig
from edge_inspector.simulator.controls import ENVIRONMENT, Controls
from edge_inspector.simulator.faults import BrokenXml, Fault

if find_compiler() is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

CAMERA: dict[str, Any] = {
    "kind": "genicam", "cti": "simulator", "serial": "SIM0001",
    "frame": {"width": 128, "height": 112, "channels": 3}, "pixel_format": "RGB8",
}  # fmt: skip
FEATURES = ("camera", "features", "--cti", "simulator")
SAID = {
    BrokenXml.CUT_OFF: "cannot be read: unclosed token at line",
    BrokenXml.TEXT: "cannot be read: syntax error at line 1, column 0",
    BrokenXml.OTHER: "cannot be read: unexpected element encountered at line 1",
    BrokenXml.EMPTY: "is empty",
    BrokenXml.ELSEWHERE: "lies at http://maker.invalid/camera.xml, and nothing is fetched from outside",
    BrokenXml.UNRESOLVED: "cannot be read: dangling node reference 'Nowhere'",
}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.fixture
def controls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Controls:
    camera = CameraConfig(width=128, height=112, pixel_format="RGB8", frame_rate_hz=20.0)
    controls = Controls.create(tmp_path / "control", SimulationConfig((camera,)))
    monkeypatch.setenv(ENVIRONMENT, str(controls.path))
    return controls


@pytest.mark.parametrize("way", BrokenXml)
def test_a_broken_description_is_told_by_what_is_wrong_with_it(
    sandbox: Sandbox, controls: Controls, way: BrokenXml
) -> None:
    controls.camera.fail(Fault.BROKEN_XML, every=1, value=way)

    said = sandbox.say(*FEATURES)

    assert said.code == 69, said.err
    assert has_all(said.error, ["description (GenICam XML) of camera SIM0001", SAID[way], "simulator-", "firmware"])


@pytest.mark.parametrize("way", BrokenXml)
def test_a_producer_that_describes_itself_wrongly_is_named(
    sandbox: Sandbox, controls: Controls, way: BrokenXml
) -> None:
    controls.camera.fail(Fault.BROKEN_MODULES, every=1, value=way)

    said = sandbox.say("camera", "list", "--cti", "simulator")

    assert said.code == 69, said.err
    assert has_all(said.error, ["GenTL producer", "simulator-", f"its own description (XML) {SAID[way]}"])


@pytest.mark.parametrize("verb", [FEATURES, ("camera", "snap"), ("check",)], ids=" ".join)
def test_a_description_that_is_not_there_ends_every_command_that_needs_it(
    sandbox: Sandbox, controls: Controls, verb: tuple[str, ...]
) -> None:
    controls.camera.fail(Fault.NO_XML, every=1)
    config = () if verb == FEATURES else ("--config", sandbox.config(CAMERA))

    said = sandbox.say(*verb, *config)

    assert said.code == 69, said.err
    assert has_all(said.error, ["description (GenICam XML) of camera", "is missing", "simulator-"])
    assert not list(sandbox.folder.glob("*.png"))


def test_the_list_names_a_camera_whose_description_nobody_asked_for(sandbox: Sandbox, controls: Controls) -> None:
    controls.camera.fail(Fault.BROKEN_XML, every=1)

    said = sandbox.say("camera", "list", "--cti", "simulator")

    assert (said.code, said.error) == (0, "")
    assert "SIM0001" in said.out


def test_a_line_says_what_is_wrong_with_the_description_and_goes_on_trying_until_it_is_right(
    sandbox: Sandbox, controls: Controls
) -> None:
    controls.camera.fail(Fault.BROKEN_XML, every=1)
    daemon = sandbox.start("run", "--config", sandbox.config(CAMERA))

    with sandbox.listen() as subscriber:
        for _ in range(2):
            event = heard(subscriber, is_event("camera_error"))
            assert event.body["severity"] == "error"
            words = [
                "description (GenICam XML) of camera cam0",
                "unclosed token at line",
                "its producer is",
                "simulator-",
            ]
            assert has_all(event.body["detail"], words)
        beat = heard(subscriber, lambda message: message.kind == "hb")
        assert (beat.body["ready"], beat.body["triggers"]) == (False, 0)
        controls.camera.mend()
        heard(subscriber, is_event("camera_armed"))
        heard(subscriber, lambda message: message.kind == "verdict")
        daemon.terminate()
        said = sandbox.ended(daemon)

    assert said.code == 0
    assert "camera_process_lost" not in said.error
