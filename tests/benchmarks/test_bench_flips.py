"""What the comparison of engines and precisions says of tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from fakes.tiny_bundle import draw_tile, write_tiny_bundle

from benchmarks.__main__ import SECTIONS
from benchmarks.flips import CHUNK, answers, rows
from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE

N = CHUNK + 3


def _tiles() -> np.ndarray:
    return np.stack([draw_tile((64, 64), 3, seed, spot_px=16 * (seed % 2)) for seed in range(N)])


def test_the_last_chunk_is_answered_too_and_only_once(tmp_path: Path) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path), trust=ANYONE)

    scores, heat = answers(bundle, "cpu", _tiles())

    assert scores.shape == (N, 2)
    assert heat.shape == (N, 8, 8)
    assert (scores[:, 1] > 0.5).tolist() == [bool(seed % 2) for seed in range(N)]


def test_engines_that_agree_change_no_verdict(tmp_path: Path) -> None:
    told = list(rows(write_tiny_bundle(tmp_path), _tiles()))

    assert told[0] == f"cpu fp32: {N // 2} of {N} tiles reach 0.5"
    assert told[1].startswith("openvino fp32: 0 verdicts change (0.00%)")


def test_the_engines_are_a_section_of_the_bench() -> None:
    assert "engines" in SECTIONS
