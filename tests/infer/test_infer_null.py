"""The engine without a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fakes.tiny_bundle import write_tiny_bundle

from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import SettingsError
from edge_inspector.core.frame import FrameShape
from edge_inspector.infer.null import NullEngine

FRAME = FrameShape(64, 192, 3)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return load_bundle(write_tiny_bundle(tmp_path / "bundle"), trust=ANYONE)


def test_every_tile_is_called_good_chunk_by_chunk(bundle: Bundle) -> None:
    engine = NullEngine(bundle, FRAME, chunk=2)
    chunks: list[int] = []

    engine.verify()
    results = engine.run(np.zeros(FRAME.hwc, np.uint8), lambda: chunks.append(1))

    assert results.scores.tolist() == [[1.0, 0.0]] * 3
    assert (results.heat.shape, float(np.abs(results.heat).max())) == ((3, 8, 8), 0.0)
    assert len(chunks) == 2
    assert (engine.tile_ns > 0, engine.infer_ns) == (True, 0)


def test_only_the_tiles_that_were_asked_for_are_answered(bundle: Bundle) -> None:
    places = np.array([0, 2], np.intp)

    results = NullEngine(bundle, FRAME).run(np.zeros(FRAME.hwc, np.uint8), lambda: None, places)

    assert len(results.scores) == len(results.heat) == 2
    assert results.tiles is places


def test_a_frame_that_holds_no_tile_is_refused_as_by_any_engine(bundle: Bundle) -> None:
    with pytest.raises(SettingsError, match="tiling"):
        NullEngine(bundle, FrameShape(32, 192, 3))
