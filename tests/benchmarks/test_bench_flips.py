"""What the comparison of engines and precisions says of tiles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
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


@pytest.mark.timeout(120)
def test_the_tests_of_the_benches_are_found_without_the_workstations_extra(tmp_path: Path) -> None:
    for name in ("sklearn", "scipy", "torch", "onnxscript"):
        (tmp_path / f"{name}.py").write_text("raise ModuleNotFoundError(__name__)")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        str(Path(__file__).parent),
    ]

    found = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)

    assert found.returncode == 0, found.stdout[-2000:]


def test_the_engines_are_a_section_of_the_bench() -> None:
    assert "engines" in SECTIONS
