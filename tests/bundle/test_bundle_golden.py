"""What the golden tiles must hold."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fakes.tiny_bundle import draw_tile, write_manifest, write_tiny_bundle

from edge_inspector.bundle.golden import Tolerance
from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import BundleError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "tiny", tile=(64, 48))


def _rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change expected.json, then make the manifest agree with it again."""
    path = folder / "golden/expected.json"
    expected = json.loads(path.read_text())
    change(expected)
    path.write_text(json.dumps(expected))
    write_manifest(folder, json.loads((folder / "manifest.json").read_text()))


def test_a_precision_may_have_a_tolerance_of_its_own(bundle: Path) -> None:
    shutil.copy(bundle / "model.onnx", bundle / "model.int8.onnx")
    manifest = json.loads((bundle / "manifest.json").read_text())
    write_manifest(bundle, manifest | {"precisions": {"fp32": "model.onnx", "int8": "model.int8.onnx"}})
    _rewrite(bundle, lambda e: e.update(int8=e["fp32"]))
    _rewrite(bundle, lambda e: e["tolerance"].update(int8={"score": 0.03, "peak": 5.0}))

    assert load_bundle(bundle, "int8", trust=ANYONE).tolerance == Tolerance(0.03, 5.0)
    assert load_bundle(bundle, "fp32", trust=ANYONE).tolerance == Tolerance(0.01, 1.0)


@pytest.mark.parametrize("channels", [1, 3])
def test_golden_tiles_come_as_they_were_drawn_and_read_only(tmp_path: Path, channels: int) -> None:
    folder = write_tiny_bundle(tmp_path / "tiny", tile=(64, 48), channels=channels)

    tile = load_bundle(folder, trust=ANYONE).golden[1]

    np.testing.assert_array_equal(tile.pixels, draw_tile((64, 48), channels, seed=1, spot_px=16))
    assert not tile.pixels.flags.writeable


def test_golden_tiles_are_rgb(bundle: Path) -> None:
    red_rgb = np.zeros((64, 48, 3), np.uint8)
    red_rgb[:, :, 0] = 200
    cv2.imwrite(str(bundle / "golden/00.png"), cv2.cvtColor(red_rgb, cv2.COLOR_RGB2BGR))
    _rewrite(bundle, lambda expected: None)

    assert load_bundle(bundle, trust=ANYONE).golden[0].pixels[0, 0].tolist() == [200, 0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.pop("tolerance"), "tolerance: is missing"),
        (lambda e: e.pop("fp32"), "fp32: is missing"),
        (lambda e: e.update(fp16=[]), "'fp16': is not a key"),
        (lambda e: e["tolerance"].update(score=0.5), "tolerance.score: must be a number from 1e-07 to 0.1"),
        (lambda e: e["tolerance"].update(peak=0), "tolerance.peak: must be a number"),
        (lambda e: e["tolerance"].update(fp32={"score": 0.01}), "tolerance.fp32.peak: is missing"),
        (lambda e: e["tolerance"].update(int8={}), "tolerance.'int8': is not a key"),
        (lambda e: e.update(fp32=e["fp32"][:1]), "fp32: must be a list of 2 to 256"),
        (lambda e: e.update(fp32=e["fp32"][::2]), r"holds only \['OK'\]"),
        (lambda e: e.update(fp32=e["fp32"][1::2]), r"holds only \['DEFECT'\]"),
        (lambda e: e["fp32"][0].update(label="SCRATCH"), r"fp32\[0\].label: must be one of OK, DEFECT"),
        (lambda e: e["fp32"][0].update(scores=[1.0]), r"fp32\[0\].scores: must be a list of 2 items"),
        (lambda e: e["fp32"][0].update(scores=[0.5, 0.6]), r"scores: are probabilities and must add up to 1"),
        (lambda e: e["fp32"][0].update(scores=[1.5, -0.5]), r"scores\[0\]: must be a number from 0 to 1"),
        (lambda e: e["fp32"][0].update(heat_peak_yx=[8, 0]), "must lie inside the 8x6 heat map"),
        (lambda e: e["fp32"][0].update(heat_peak_yx=[0, True]), "must lie inside the 8x6 heat map"),
        (lambda e: e["fp32"][0].update(heat_peak="1"), "heat_peak: must be a number"),
        (lambda e: e["fp32"][0].update(file="99.png"), "names golden/99.png, which the manifest does not list"),
        (lambda e: e["fp32"][0].update(file="../model.onnx"), "file: must be text"),
    ],
)
def test_wrong_expectations_are_refused_and_named(
    bundle: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    _rewrite(bundle, change)

    with pytest.raises(BundleError, match=message):
        load_bundle(bundle, trust=ANYONE)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((48, 64, 3), np.uint8), "must be a RGB PNG of 64x48, 8 bit, but is 48x64"),
        (np.zeros((64, 48), np.uint8), "but is 64x48, 8 bit, type 0"),
        (np.zeros((64, 48, 3), np.uint16), "but is 64x48, 16 bit"),
    ],
)
def test_a_golden_tile_of_another_size_or_colour_is_refused(bundle: Path, pixels: Any, message: str) -> None:
    cv2.imwrite(str(bundle / "golden/00.png"), pixels)
    _rewrite(bundle, lambda expected: None)

    with pytest.raises(BundleError, match=message):
        load_bundle(bundle, trust=ANYONE)


def test_a_golden_tile_that_is_no_picture_is_refused(bundle: Path) -> None:
    whole = (bundle / "golden/00.png").read_bytes()
    for content in (b"", b"GIF89a" + bytes(60), whole[:40]):
        (bundle / "golden/00.png").write_bytes(content)
        _rewrite(bundle, lambda expected: None)

        with pytest.raises(BundleError, match=r"00\.png: .*PNG picture"):
            load_bundle(bundle, trust=ANYONE)


def test_a_bundle_without_golden_tiles_is_refused(bundle: Path) -> None:
    (bundle / "golden/expected.json").unlink()
    write_manifest(bundle, json.loads((bundle / "manifest.json").read_text()))

    with pytest.raises(BundleError, match=r"does not list golden/expected\.json"):
        load_bundle(bundle, trust=ANYONE)
