from __future__ import annotations

from pathlib import Path

import pytest

from edge_inspector.acquire.producer import CameraInfo, choose, producer_path
from edge_inspector.core.errors import CameraNotFoundError


def camera(serial: str, device: str = "DEV") -> CameraInfo:
    return CameraInfo("Maker", "Model", serial, device, "GEV", "free")


def test_the_camera_with_the_serial_number_is_chosen() -> None:
    assert choose([camera("1"), camera("0123"), camera("2")], "0123") == 1


def test_the_only_camera_needs_no_serial_number() -> None:
    assert choose([camera("1")], "") == 0


@pytest.mark.parametrize(
    ("found", "serial", "said"),
    [
        ([], "", "offers no camera; check power and cable"),
        ([], "1", "offers no camera"),
        ([camera("1"), camera("2")], "", r"2 cameras and camera\.serial is empty.*1 \(Model\), 2 \(Model\)"),
        ([camera("1"), camera("")], "01", r"no camera has serial number '01'; there are 1 .*\(no serial\)"),
        ([camera("1", "left"), camera("1", "right")], "1", r"2 cameras have serial number '1' \(left, right\); unplug"),
    ],
)
def test_no_camera_is_guessed(found: list[CameraInfo], serial: str, said: str) -> None:
    with pytest.raises(CameraNotFoundError, match=said):
        choose(found, serial)


def test_a_missing_producer_names_those_that_are_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "maker.cti").touch()
    monkeypatch.setenv("GENICAM_GENTL64_PATH", f":{tmp_path}:{tmp_path / 'gone'}")

    with pytest.raises(CameraNotFoundError, match=r"no GenTL producer at /x/y\.cti; installed here: .*maker\.cti"):
        producer_path("/x/y.cti")


def test_viky_is_the_producer_in_the_genicam_wheel() -> None:
    assert producer_path("viky").name == "viky.cti"
