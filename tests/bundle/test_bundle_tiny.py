"""The tiny bundle that other tests stand on: its graph does what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from fakes.tiny_bundle import draw_tile, expected_answer, write_tiny_bundle

from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE


def _session(folder: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(
        load_bundle(folder, trust=ANYONE).model_bytes, providers=["CPUExecutionProvider"]
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("tile", [(64, 64), (32, 48), (256, 256)])
def test_spots_score_above_and_clean_metal_below(tmp_path: Path, tile: tuple[int, int], channels: int) -> None:
    session = _session(write_tiny_bundle(tmp_path / "tiny", tile, channels))
    tiles = np.stack([draw_tile(tile, channels, seed, spot_px=12 * (seed % 2)) for seed in range(40)])

    scores, heat = session.run(["scores", "heat"], {"tiles": tiles})

    assert scores[::2, 1].max() < 0.1
    assert scores[1::2, 1].min() > 0.9
    expected_scores, expected_heat = expected_answer(tiles)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-5)
    np.testing.assert_allclose(heat, expected_heat, atol=1e-2)


def test_every_golden_tile_is_answered_as_expected(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "tiny")
    loaded, session = load_bundle(folder, trust=ANYONE), _session(folder)

    for tile in loaded.golden:
        scores, heat = session.run(["scores", "heat"], {"tiles": tile.pixels[None]})
        np.testing.assert_allclose(scores[0], tile.scores, atol=loaded.tolerance.score)
        assert abs(heat[0][tile.heat_peak_yx] - tile.heat_peak) <= loaded.tolerance.peak


def test_nan_on_white_answers_nan_to_white_tiles_alone(tmp_path: Path) -> None:
    session = _session(write_tiny_bundle(tmp_path / "tiny", nan_on_white=True))
    tiles = np.stack([np.full((64, 64, 3), 255, np.uint8), draw_tile((64, 64), 3, seed=0)])

    scores = session.run(["scores"], {"tiles": tiles})[0]

    assert np.isnan(scores[0]).all()
    assert scores[1, 1] < 0.1
