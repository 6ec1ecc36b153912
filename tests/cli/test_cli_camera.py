"""Cameras that are not there or not as configured: commands end with 69, a line stays up and tries again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from cli_program import FRAME, Sandbox, has_all, heard, is_event, viky

from edge_inspector.acquire.producer import producer_path
from edge_inspector.client.subscriber import Message

ABSENT: dict[str, Any] = viky(cti="/nowhere/maker.cti")
WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no-producer": (ABSENT, ["/nowhere/maker.cti", "camera.cti"]),
    "no-library": (viky(cti="not_a_library.cti"), ["not_a_library.cti", "cannot be loaded"]),
    "pixel-format": (viky(pixel_format="BayerGR8"), ["PixelFormat", "BayerGR8", "camera.pixel_format"]),
    "frame-size": (viky(frame=FRAME | {"width": 1000}), ["Width", "1000", "camera.frame.width"]),
    "serial": (viky(serial="22845913"), ["'22845913'", "0 (", "1 (", "2 (", "camera.serial"]),
    "no-serial": (viky(serial=""), ["3 cameras", "0 (", "1 (", "2 (", "camera.serial"]),
    "feature": (viky(features={"ExposureTme": 5.0}), ["ExposureTme", "no feature"]),
}


IMPATIENT = """
from edge_inspector.app import planning
planning.PATIENCE_S = 1.0
from edge_inspector.cli.main import main
main()
"""
"""The program, but a camera that does not come is given up after a second."""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    (tmp_path / "not_a_library.cti").write_text("no library")
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", WRONG)
def test_check_says_what_is_wrong_with_the_camera(sandbox: Sandbox, name: str) -> None:
    camera, words = WRONG[name]

    said = sandbox.ended(sandbox.start_python(IMPATIENT, "check", "--config", sandbox.config(camera)))

    assert said.code == 69
    assert has_all(said.error, words)
    assert "no mistakes" in said.out
    assert "ready to run" not in said.out


def test_check_tells_what_is_wrong_with_the_bundle_and_with_the_camera_at_once(sandbox: Sandbox) -> None:
    config = sandbox.config(ABSENT, model={"bundle": "nowhere"})

    said = sandbox.say("check", "--config", config)

    assert said.code == 66
    assert has_all(said.error, [str(sandbox.folder / "nowhere"), "model.bundle", "/nowhere/maker.cti", "camera.cti"])
    assert "ready to run" not in said.out


def test_check_without_the_camera_does_not_look_for_it(sandbox: Sandbox) -> None:
    said = sandbox.say("check", "--no-camera", "--config", sandbox.config(ABSENT))

    assert said.code == 0
    assert "ready to run" in said.out


@pytest.mark.parametrize("name", ["no-producer", "serial", "frame-size"])
def test_snap_says_what_is_wrong_with_the_camera_and_writes_nothing(sandbox: Sandbox, name: str) -> None:
    camera, words = WRONG[name]

    said = sandbox.ended(sandbox.start_python(IMPATIENT, "camera", "snap", "--config", sandbox.config(camera)))

    assert said.code == 69
    assert has_all(said.error, words)
    assert not list(sandbox.folder.glob("*.png"))


def test_listing_a_producer_that_is_not_there(sandbox: Sandbox) -> None:
    said = sandbox.say("camera", "list", "--cti", "absent.cti")

    assert said.code == 69
    assert has_all(said.error, ["absent.cti", "viky"])


@pytest.mark.parametrize("name", ["no-producer", "pixel-format", "frame-size"])
def test_a_line_without_its_camera_stays_up_not_ready_and_tries_again(sandbox: Sandbox, name: str) -> None:
    camera, words = WRONG[name]
    daemon = sandbox.start("run", "--config", sandbox.config(camera))

    def is_without_camera(message: Message) -> bool:
        return message.kind == "hb" and message.body["faults"] == ["camera"]

    with sandbox.listen() as subscriber:
        for _ in range(2):
            event = heard(subscriber, is_event("camera_error"))
            assert event.body["severity"] == "error"
            assert has_all(event.body["detail"], words)
        beat = heard(subscriber, is_without_camera)
        assert (beat.body["ready"], beat.body["state"], beat.body["triggers"]) == (False, "Preoperational", 0)
        assert daemon.poll() is None
        daemon.terminate()
        last = heard(subscriber, lambda m: m.kind == "hb" and m.body["state"] == "Halted")

    assert last.body["in_flight"] == 0
    assert sandbox.ended(daemon).code == 0


def test_the_cameras_of_a_producer_are_listed_for_people_and_for_programs(sandbox: Sandbox) -> None:
    table = sandbox.say("camera", "list", "--cti", "viky")
    listing = sandbox.say("camera", "list", "--cti", "viky", "--json")

    assert (table.code, listing.code) == (0, 0)
    cameras = json.loads(listing.out)
    assert [camera["serial"] for camera in cameras] == ["0", "1", "2"]
    heads, *rows = table.out.splitlines()
    assert heads.split() == list(cameras[0])
    assert len(rows) == 3
    assert table.error == listing.error == ""


def test_without_a_file_every_installed_producer_is_listed_and_a_broken_one_named(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(producer_path("viky"), sandbox.folder / "good.cti")
    monkeypatch.setenv("GENICAM_GENTL64_PATH", str(sandbox.folder))

    table, listing = sandbox.say("camera", "list"), sandbox.say("camera", "list", "--json")

    assert (table.code, listing.code) == (0, 0), table.err
    assert has_all(table.out, ["good.cti:", "VikyTL_DEV_red"])
    assert "not_a_library.cti cannot be loaded" in table.error
    assert {Path(row["cti"]).name for row in json.loads(listing.out)} == {"good.cti"}


def test_without_any_installed_producer_the_list_says_what_to_install(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENICAM_GENTL64_PATH", "")

    said = sandbox.say("camera", "list")

    assert said.code == 69
    assert has_all(said.error, ["GENICAM_GENTL64_PATH is empty", "--cti"])


def test_features_are_saved_compared_and_a_difference_ends_with_1(sandbox: Sandbox) -> None:
    camera = ("camera", "features", "--cti", "viky", "--serial", "1")
    saved = sandbox.say(*camera, "--save", "saved.yaml")
    same = sandbox.say(*camera, "--diff", "saved.yaml")
    config = sandbox.config(viky(features={"BouncingBallSize": 33}))
    other = sandbox.say(*camera, "--diff", config, "--json")
    shown = sandbox.say("camera", "features", "--config", config)

    assert (saved.code, same.code, other.code, shown.code) == (0, 0, 1, 0), saved.err + same.err + other.err
    assert "0 of the features in saved.yaml differ" in same.out
    found = {one["feature"]: one["file"] for one in json.loads(other.out)["differences"]}
    assert found["BouncingBallSize"] == 33
    assert (sandbox.folder / "saved.yaml").read_text().count("BouncingBallSize: ") == shown.out.count(
        "BouncingBallSize: "
    )


def test_features_of_no_camera_are_a_mistake_of_the_command(sandbox: Sandbox) -> None:
    said = sandbox.say("camera", "features")

    assert said.code == 64
    assert has_all(said.error, ["--config", "--cti", "--serial"])


@pytest.mark.parametrize(
    ("camera", "mode"),
    [
        ({"kind": "synthetic", "frame": FRAME, "rate_hz": None}, "RGB"),
        ({"kind": "synthetic", "frame": FRAME | {"channels": 1}, "rate_hz": None}, "grey"),
        (viky(), "RGB"),
    ],
)
def test_snap_writes_a_picture_of_the_configured_size(sandbox: Sandbox, camera: dict[str, Any], mode: str) -> None:
    said = sandbox.say("camera", "snap", "--config", sandbox.config(camera), "--output", "seen.png")

    assert said.code == 0, said.err
    picture = cv2.imread(str(sandbox.folder / "seen.png"), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.shape == ((112, 128) if mode == "grey" else (112, 128, 3))
    assert has_all(said.out, ["seen.png", "128x112 px", mode])


REGIONS = {
    "ignore": [{"name": "clamp", "polygon": [[0, 0], [63, 0], [63, 63], [0, 63]]}],
    "zones": [{"name": "seal", "polygon": [[64, 0], [127, 0], [127, 40]]}],
}


def test_snap_draws_the_regions_on_the_picture_when_asked(sandbox: Sandbox) -> None:
    camera = {"rate_hz": None, "seed": 7}
    config = sandbox.config(camera, regions=REGIONS)

    plain = sandbox.say("camera", "snap", "--config", config, "--output", "plain.png")
    drawn = sandbox.say("camera", "snap", "--regions", "--config", config, "--output", "drawn.png")

    assert (plain.code, drawn.code) == (0, 0), drawn.err
    before, after = (cv2.imread(str(sandbox.folder / name)) for name in ("plain.png", "drawn.png"))
    assert before is not None
    assert after is not None
    assert after.shape[1] == 128 * 4  # enlarged, so that names can be read
    assert after[40:200, 20:200].mean() < 0.8 * before[10:50, 5:50].mean()


def test_check_tells_what_the_regions_leave(sandbox: Sandbox) -> None:
    said = sandbox.say("check", "--no-camera", "--config", sandbox.config({"rate_hz": None}, regions=REGIONS))

    assert said.code == 0, said.err
    assert "regions: 3 of 4 tiles inspected, 1 zone" in said.out
    assert has_all(said.out, ["not inspected: clamp", "zone seal"])


def test_what_does_not_fit_the_tiles_is_told_by_check_with_its_line(sandbox: Sandbox) -> None:
    config = sandbox.config({"rate_hz": None}, regions={"roi": {"width": 63, "height": 112}})

    said = sandbox.say("check", "--no-camera", "--config", config)

    assert said.code == 78
    assert has_all(said.error, ["regions.roi", "63x112 px do not hold a tile", "line.yaml:"])


@pytest.mark.parametrize("output", ["absent/snap.png", "snap.xyz", "snap", "/dev/null/snap.png", "folder"])
def test_snap_refuses_a_place_where_it_cannot_write(sandbox: Sandbox, output: str) -> None:
    (sandbox.folder / "folder").mkdir()
    config = sandbox.config({"rate_hz": None})

    said = sandbox.say("camera", "snap", "--config", config, "--output", output)

    assert said.code == 64
    assert output in said.error


def test_a_camera_that_sends_nothing_in_time_is_lost(sandbox: Sandbox) -> None:
    config = sandbox.config({"rate_hz": 0.01})

    said = sandbox.say("camera", "snap", "--config", config, "--timeout", "0")

    assert said.code == 69
    assert has_all(said.error, ["cam0", "no whole picture", "trigger"])
