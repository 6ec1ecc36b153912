"""What could run a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from fakes.tiny_bundle import write_tiny_bundle

from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import FrameShape
from edge_inspector.infer.candidates import REFERENCE, Candidate, candidates
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.golden import first_difference, tolerance_used
from edge_inspector.infer.runtime import Hardware, ProviderName
from edge_inspector.settings.model import ModelSettings


def test_every_provider_is_asked_in_every_precision_of_the_bundle_the_simplest_first() -> None:
    found = candidates(["fp32", "int8"])

    assert found[0] == REFERENCE
    assert {one.provider for one in found} == set(get_args(ProviderName))
    assert len(set(found)) == len(found)
    for provider in get_args(ProviderName):
        assert {"fp32", "int8"} <= {one.precision for one in found if one.provider == provider}


def test_what_can_be_written_into_a_configuration_is_what_is_asked() -> None:
    for one in candidates(["fp32", "int8"]):
        ModelSettings.model_validate({"bundle": "x", "provider": one.provider, "precision": one.precision})


def test_a_bundle_without_int8_has_none() -> None:
    assert {one.graph for one in candidates(["fp32"])} == {"fp32"}


def test_half_precision_runs_the_exact_graph() -> None:
    assert Candidate("tensorrt", "fp16").graph == "fp32"
    assert str(Candidate("cpu", "int8")) == "cpu int8"


@pytest.mark.parametrize("kind", ["same", "near", "wrong"])
def test_an_engine_says_how_much_of_the_tolerance_it_takes(tmp_path: Path, kind: str) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path / "b", int8=kind), "int8", trust=ANYONE)
    engine = OnnxEngine(bundle, FrameShape(64, 128, 3), hardware=Hardware(threads=1))

    if kind == "wrong":
        with pytest.raises(EngineError, match="answers otherwise"):
            engine.verify()
    else:
        engine.verify()

        assert (0.2 < engine.tolerance_used <= 1.0) is (kind == "near")
        assert engine.tolerance_used >= 0.0


def test_the_worst_of_scores_and_heat_counts_and_nan_is_no_answer(tmp_path: Path) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path / "b"), trust=ANYONE)
    golden = bundle.golden[:1]
    scores, heat = np.array([golden[0].scores], np.float32), np.zeros((1, 8, 8), np.float32)
    heat[0][golden[0].heat_peak_yx] = golden[0].heat_peak

    assert tolerance_used(golden, scores, heat, bundle.tolerance) < 0.01
    heat[0][golden[0].heat_peak_yx] += 0.5  # of 1
    assert tolerance_used(golden, scores, heat, bundle.tolerance) == pytest.approx(0.5, abs=0.01)
    scores[0, 1] += 0.02  # of 0.01
    assert tolerance_used(golden, scores, heat, bundle.tolerance) == pytest.approx(2.0, abs=0.01)
    assert first_difference(golden, scores, heat, bundle.tolerance) is not None
    scores[0, 1] = np.nan
    assert np.isnan(tolerance_used(golden, scores, heat, bundle.tolerance))
    scores[0, 1], heat[:] = golden[0].scores[1], np.nan
    assert np.isnan(tolerance_used(golden, scores, heat, bundle.tolerance))
