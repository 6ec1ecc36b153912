"""All steps in a row, as a person types them, on drawn pictures: what comes out is a bundle that the line accepts."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import reached
from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE
from export.__main__ import export
from export.cli.next_step import STEPS, tell_next


def _draw(folder: Path, side: int) -> None:
    """Sound and defective pictures in two folders, four tiles each; a defect is a black square, with its mask."""
    chance, quarter = np.random.default_rng(0), side // 4
    inside = np.s_[quarter : 2 * quarter, quarter : 2 * quarter]
    cut_off = np.s_[quarter : 2 * quarter, 2 * side - 40 : 2 * side + 12]  # its end lies in the next tile
    for i in range(24):
        pixels, mask = chance.integers(120, 180, (side, 4 * side, 3), np.uint8), np.zeros((side, 4 * side), np.uint8)
        label = "DEFECT" if i % 2 else "OK"
        if i % 2:
            for place in (inside, cut_off)[: 1 + (i == 1)]:
                pixels[place], mask[place] = 0, 255
            (folder / "masks").mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / "masks" / f"part{i:02}.png"), mask)
        (folder / label).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / label / f"part{i:02}.png"), pixels)


def _call(*words: str | Path) -> str:
    result = CliRunner().invoke(export, [str(word) for word in words])
    assert result.exit_code == 0, (result.output, result.exception)
    if words[0] in STEPS[:-1]:
        following = STEPS[STEPS.index(str(words[0])) + 1]
        assert result.output.rstrip().endswith(f": python -m export {following} --help"), result.output
    return result.output


def test_the_steps_are_the_first_commands_in_their_order() -> None:
    assert tuple(export.commands)[: len(STEPS)] == STEPS


def test_each_step_ends_with_the_next_one_and_what_it_answers_stays_alone(capsys: pytest.CaptureFixture[str]) -> None:
    tell_next("train")
    tell_next("verify")

    out, err = capsys.readouterr()
    assert out == ""
    assert err == "next: python -m export calibrate --help\nnext: python -m export bundle --help\n"


@pytest.mark.timeout(300)  # learns a little on whatever core is free
@pytest.mark.parametrize("side", [256, 128])
def test_the_steps_lead_from_pictures_to_a_bundle(tmp_path: Path, side: int) -> None:
    pictures, data, run, out = (tmp_path / name for name in ("pictures", "data", "run", "drawn"))
    _draw(pictures, side)
    (tmp_path / "LICENSE").write_text("free")
    (tmp_path / "ATTRIBUTION.md").write_text("drawn")

    _call("dataset", pictures, data, *(() if side == 256 else ("--tile", str(side))))
    _call("train", data, run, "--mode", "frozen", "--folds", "4")
    _call("calibrate", run, "--recall", "0.95")
    _call("evaluate", data, run)
    _call("onnx", data, run)
    _call("quantize", data, run)
    _call("verify", data, run)
    _call("keys", "new", "site", tmp_path / "keys")
    texts = ["--name", "drawn", "--version", "0.0.1", "--licence", "none", "--data-name", "squares"]
    files = ["--data-licence", tmp_path / "LICENSE", "--data-attribution", tmp_path / "ATTRIBUTION.md"]
    _call("bundle", data, run, out, "--sign", tmp_path / "keys" / "site.key", *texts, *files)

    bundle = load_bundle(out, trust=ANYONE)
    assert bundle.label == "drawn@0.0.1"
    assert bundle.manifest.tile_hw == (side, side)
    assert bundle.manifest.heat_hw == (side // 32, side // 32)
    assert {tile.label for tile in bundle.golden} == {"OK", "DEFECT"}
    assert bundle.model_bytes == (run / "model.onnx").read_bytes()
    assert 0 < bundle.manifest.limits["DEFECT"] <= 1
    assert json.loads((run / "metrics.json").read_text()).items() <= dict(bundle.manifest.metrics).items()
    assert set(bundle.manifest.precisions) == {"fp32", "int8"}
    assert "<html" in (run / "report.html").read_text()
    assert "<html" in (data / "report.html").read_text()
    told = reached.table(data, run)
    assert told[0] == "tiles: 82 OK, 13 DEFECT of 24 groups"
    assert told[3].startswith("with 1 cut-off tiles as DEFECT: tile AUROC")
    assert told[4].startswith("parts: 12 OK, 12 DEFECT; AUROC 1.000")
