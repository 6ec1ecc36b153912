"""A baseline is recorded from good pictures alone, kept whole, and used only where it belongs."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from app_samples import bundle_in, changed
from fakes.tiny_bundle import draw_tile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_inspector.app.baseline import baseline_sentences, record_baseline
from edge_inspector.app.baseline_file import load_baseline
from edge_inspector.app.start import prepare
from edge_inspector.core.errors import CameraError, CameraLostError, ProcessError, SettingsError
from edge_inspector.decide.image_health import Baseline
from edge_inspector.settings.load import load_line

FRAME_HW = (64, 128)
N = 8
CAMERA = {"kind": "replay", "folder": "pictures", "frame": {"width": 128, "height": 64, "channels": 1}}
FEATURES = {"ExposureTime": 500.0, "TriggerMode": "On"}
GENICAM = {"kind": "genicam", "cti": "maker.cti", "serial": "42", "frame": CAMERA["frame"], "features": FEATURES}


class Site:
    """A folder with a configuration, pictures and a bundle."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / "line.yaml"
        self.file = folder / "state" / "baseline.json"
        (folder / "pictures").mkdir()
        for number in range(N):
            self.picture(number, draw_tile(FRAME_HW, 1, seed=number))
        self.write()

    def picture(self, number: int, pixels: Any) -> None:
        cv2.imwrite(str(self.folder / "pictures" / f"{number:03}.png"), pixels)

    def write(self, camera: dict[str, Any] | None = None, **sections: Any) -> Path:
        given = {
            "line": "press-3",
            "camera": camera or CAMERA,
            "model": {"bundle": "bundle", "unsigned": "allow"},
            "state_dir": "state",
        }
        self.config.write_text(yaml.safe_dump(given | sections, sort_keys=False), encoding="utf-8")
        return self.config

    def record(self, n: int = N, timeout_s: float = 5.0) -> list[str]:
        recorded = record_baseline(self.config, n, timeout_s, lambda _taken: None)
        return list(baseline_sentences(recorded, load_line(self.config)))

    def keep_one(self) -> dict[str, Any]:
        """Record, and return what was kept."""
        self.record()
        kept: dict[str, Any] = json.loads(self.file.read_text())
        return kept

    def refusal(self) -> str:
        with pytest.raises(SettingsError) as caught:
            load_baseline(load_line(self.config), 0)
        return str(caught.value)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_what_was_recorded_is_what_the_line_compares_with(site: Site) -> None:
    taken: list[int] = []

    recorded = record_baseline(site.config, N, 5.0, taken.append)

    assert taken == list(range(1, N + 1))
    assert load_baseline(load_line(site.config), 0) == recorded.usual
    assert recorded.usual.brightness == pytest.approx(150, abs=3)
    assert recorded.usual.sharpness > 1


def test_the_person_who_recorded_it_reads_what_will_be_refused(site: Site) -> None:
    told = "\n".join(site.record())

    for words in (
        f"{N} pictures of cam0",
        "brightness 149 of 255 (from 148 to 150)",
        "wrong brightness: below 89",
        "out of focus",
    ):
        assert words in told


def test_a_line_without_a_baseline_starts_all_the_same(site: Site) -> None:
    bundle_in(site.folder / "bundle")

    assert prepare(site.config).views[0].baseline is None


def test_a_line_starts_with_the_baseline_that_was_recorded(site: Site) -> None:
    bundle_in(site.folder / "bundle")
    site.record()

    assert prepare(site.config).views[0].baseline == load_baseline(load_line(site.config), 0)
    assert prepare(site.config).views[0].baseline is not None


def test_a_damaged_baseline_is_told_before_any_look_at_the_bundle(site: Site) -> None:
    site.record()
    site.file.write_text("{")

    with pytest.raises(SettingsError, match="is damaged; record it again"):
        prepare(site.config)


def test_a_folder_that_ends_early_gives_what_it_has(site: Site) -> None:
    assert f"{N} pictures" in site.record(n=500)[0]


def test_too_few_pictures_are_no_baseline(site: Site) -> None:
    for path in sorted((site.folder / "pictures").iterdir())[4:]:
        path.unlink()

    with pytest.raises(CameraError, match="gave 4 pictures, 5 are the least"):
        site.record()


UNHEALTHY = {
    "black": (np.zeros((*FRAME_HW, 1), np.uint8), "1 of 8 pictures are black"),
    "saturated": (np.full((*FRAME_HW, 1), 255, np.uint8), "1 of 8 pictures are saturated"),
    "stuck": (draw_tile(FRAME_HW, 1, seed=1), "1 of 8 pictures are exactly the one before"),
}


@pytest.mark.parametrize("name", UNHEALTHY)
def test_unhealthy_pictures_are_no_baseline(site: Site, name: str) -> None:
    pixels, words = UNHEALTHY[name]
    site.write(image_health={"stuck": "unknown"})
    site.picture(2, pixels)

    with pytest.raises(CameraError, match=words):
        site.record()

    assert not site.file.exists()


def test_a_folder_may_repeat_some_pictures_but_not_be_one_alone(site: Site) -> None:
    site.picture(2, draw_tile(FRAME_HW, 1, seed=1))
    assert site.record()
    for number in range(N):
        site.picture(number, draw_tile(FRAME_HW, 1, seed=1))

    with pytest.raises(CameraError, match="exactly the one before"):
        site.record()


def test_pictures_of_nothing_are_no_baseline_of_focus(site: Site) -> None:
    for number in range(N):
        site.picture(number, np.full((*FRAME_HW, 1), 100 + number, np.uint8))

    with pytest.raises(CameraError, match="focus cannot be seen"):
        site.record()


def test_pictures_too_unlike_each_other_name_the_tolerance_and_a_better_one(site: Site) -> None:
    site.picture(3, (draw_tile(FRAME_HW, 1, seed=3) * 0.4).astype(np.uint8))

    with pytest.raises(SettingsError) as caught:
        site.record()

    told = {mistake.where: mistake.what for mistake in caught.value.mistakes}
    assert set(told) == {"image_health.brightness_tolerance", "image_health.sharpness_tolerance"}
    assert "differ by up to 0.60" in told["image_health.brightness_tolerance"]
    site.write(image_health={"brightness_tolerance": 0.7, "sharpness_tolerance": 0.9})
    assert site.record()


def test_a_source_that_sends_nothing_is_a_matter_of_the_camera(site: Site) -> None:
    site.write(CAMERA | {"rate_hz": 0.01})

    with pytest.raises(CameraLostError, match="no whole picture"):
        site.record(timeout_s=0.0)


def test_a_new_baseline_takes_the_place_of_the_former_one_and_leaves_no_draft(site: Site) -> None:
    former = site.keep_one()
    for number in range(N):
        site.picture(number, draw_tile(FRAME_HW, 1, seed=number) // 2)

    assert site.keep_one()["brightness"]["median"] < former["brightness"]["median"] * 0.6
    assert [path.name for path in site.file.parent.iterdir()] == ["baseline.json"]


def test_a_baseline_that_cannot_be_kept_says_which_folder(site: Site) -> None:
    (site.folder / "state").mkdir()
    site.file.mkdir()

    with pytest.raises(ProcessError, match="state_dir"):
        site.record()


OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "name": (CAMERA, {"name": "cam1"}, "camera name 'cam0', now it is 'cam1'"),
    "frame": (CAMERA, {"frame.width": 256}, "camera frame"),
    "kind": (CAMERA, {"kind": "synthetic", "folder": None}, "camera kind 'replay'"),
    "serial": (GENICAM, {"serial": "43"}, "camera serial '42', now it is '43'"),
    "pixel_format": (GENICAM, {"pixel_format": "RGB8", "frame.channels": 3}, "camera frame"),
    "exposure": (GENICAM, {"features.ExposureTime": 800.0}, "camera ExposureTime 500.0, now it is 800.0"),
    "gain": (GENICAM, {"features.Gain": 3.0}, "camera Gain None, now it is 3.0"),
}


def keep_for(site: Site, camera: dict[str, Any]) -> None:
    """Keep the baseline of a camera that is not there."""
    site.record()
    kept = json.loads(site.file.read_text())
    facts = {"kind": camera["kind"], "name": "cam0", "frame (h, w, c)": [64, 128, 1]}
    if camera["kind"] == "genicam":
        facts |= {"serial": camera["serial"], "pixel_format": "Mono8", "ExposureTime": 500.0}
    site.file.write_text(json.dumps(kept | {"camera": facts}))


@pytest.mark.parametrize("name", OTHERS)
def test_a_baseline_of_another_camera_or_exposure_is_refused_with_the_next_step(site: Site, name: str) -> None:
    camera, changes, words = OTHERS[name]
    keep_for(site, camera)
    site.write(camera)
    assert load_baseline(load_line(site.config), 0) is not None
    for path, value in changes.items():
        camera = changed(camera, path, value)
    site.write({key: value for key, value in camera.items() if value is not None})

    told = site.refusal()

    assert words in told
    assert "camera baseline" in told
    assert str(site.file) in told


def test_a_feature_that_changes_no_picture_needs_no_new_baseline(site: Site) -> None:
    keep_for(site, GENICAM)
    site.write(changed(GENICAM, "features.TriggerMode", "Off"))

    assert load_baseline(load_line(site.config), 0) is not None


@pytest.mark.parametrize("figure", ["brightness", "sharpness"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1", "0", "256", "null", "[]", '"x"', "1e999", "1" + 400 * "0"])
def test_a_figure_that_cannot_be_is_damage(site: Site, figure: str, value: str) -> None:
    kept = site.keep_one()
    kept[figure]["median"] = "HERE"
    site.file.write_text(json.dumps(kept).replace('"HERE"', value))

    assert "damaged" in site.refusal()


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 60_000, "{}", '{"format": "insp-baseline/1"}', "\udcff"])
def test_a_file_that_is_no_baseline_is_damage(site: Site, text: str) -> None:
    site.record()
    site.file.write_bytes(text.encode(errors="surrogateescape"))

    assert "damaged" in site.refusal()


def test_a_baseline_of_a_later_format_is_refused(site: Site) -> None:
    site.file.parent.mkdir(exist_ok=True)
    site.file.write_text(json.dumps(site.keep_one() | {"format": "insp-baseline/2"}))

    assert "another format" in site.refusal()


def test_a_baseline_that_may_not_be_read_is_refused(site: Site) -> None:
    site.file.parent.mkdir()
    site.file.mkdir()  # root reads every file, but nobody reads a folder

    assert "cannot be read" in site.refusal()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_baseline_cut_or_flipped_anywhere_is_refused_or_still_one(site: Site, data: st.DataObject) -> None:
    if not site.file.exists():
        site.record()
        site.file.with_suffix(".whole").write_bytes(site.file.read_bytes())
    whole = bytearray(site.file.with_suffix(".whole").read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole = whole[:place]
    else:
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
    site.file.write_bytes(whole)

    found: Baseline | None = None
    with suppress(SettingsError):
        found = load_baseline(load_line(site.config), 0)

    assert found is None or (0 < found.brightness <= 255 and 0 < found.sharpness <= 255)
