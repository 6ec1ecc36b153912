"""The bundle and the pictures that ship: complete, licensed, and answering as their numbers say."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "models" / "bsdata-pitting"
DEMO = ROOT / "config" / "demo"


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load_bundle(BUNDLE, trust=ANYONE)


def test_the_shipped_model_answers_its_golden_tiles_within_a_tenth_of_the_tolerance_on_a_cpu(shipped: Bundle) -> None:
    session = onnxruntime.InferenceSession(shipped.model_bytes, providers=["CPUExecutionProvider"])

    for tile in shipped.golden:
        scores, heat = session.run(["scores", "heat"], {"tiles": tile.pixels[None]})
        np.testing.assert_allclose(scores[0], tile.scores, atol=shipped.tolerance.score / 10)
        assert abs(heat[0][tile.heat_peak_yx] - tile.heat_peak) <= shipped.tolerance.peak / 10


def test_the_golden_tiles_hold_both_truths_and_doubtful_scores(shipped: Bundle) -> None:
    assert sorted(tile.label for tile in shipped.golden) == ["DEFECT"] * 6 + ["OK"] * 6
    # Certain tiles alone would not notice a changed calibration.
    assert [tile for tile in shipped.golden if 0.05 < tile.scores[1] < 0.95]


def test_no_group_was_used_for_two_purposes(shipped: Bundle) -> None:
    groups = shipped.manifest.training["groups"]
    assert isinstance(groups, dict)

    parts = [set(groups[name]) for name in ("train", "test")]

    assert all(parts)
    assert len(set.union(*parts)) == sum(map(len, parts))


def test_the_demo_pictures_come_from_test_groups_and_are_what_the_truth_lists(shipped: Bundle) -> None:
    with (DEMO / "truth.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))

    assert [row["file"] for row in rows] == sorted(path.name for path in DEMO.glob("*.jpg"))
    assert {row["truth"] for row in rows} == {"OK", "DEFECT"}
    assert all((int(row["mask_px"]) == 0) == (row["truth"] == "OK") for row in rows)
    groups = shipped.manifest.training["groups"]
    assert isinstance(groups, dict)
    assert {row["group"] for row in rows} <= set(groups["test"])
    assert {cv2.imread(str(DEMO / row["file"])).shape for row in rows} == {(256, 1024, 3)}


@pytest.mark.parametrize("folder", [BUNDLE / "golden", DEMO])
def test_licence_and_attribution_lie_beside_every_picture(folder: Path) -> None:
    assert (folder / "LICENSE").read_text(encoding="utf-8").startswith("Attribution-ShareAlike 4.0 International")
    attribution = (folder / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "https://github.com/2Obe/BSData" in attribution
    assert "Changes made" in attribution


def test_the_shipped_bundle_stays_under_20_mb() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "models").rglob("*") if path.is_file()) < 20e6
