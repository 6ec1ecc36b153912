"""How scores follow from heat, measured where golden tiles are replayed; and engines that are asked for some tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fakes.tiny_bundle import draw_tile, expected_answer, write_tiny_bundle

from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import U8, FrameShape
from edge_inspector.decide.evidence import Margin
from edge_inspector.infer.chunks import chunk_sizes
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.heat import HeatProbe, blends
from edge_inspector.infer.runtime import Hardware

FRAME = FrameShape(64, 64 * 9, 3)
ONE_THREAD = Hardware(threads=1)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(write_tiny_bundle(tmp_path_factory.mktemp("bundle")), trust=ANYONE)


def _strip(*spots_at: int) -> U8:
    tiles = [draw_tile((64, 64), 3, i, spot_px=16 if i in spots_at else 0) for i in range(9)]
    return np.concatenate(tiles, axis=1)


def _nothing() -> None: ...


def _answers(means: list[float], scale: float, shift: float) -> tuple[np.ndarray, np.ndarray]:
    heat = np.array(means, np.float32)[:, None, None] + np.array([[-1, 1], [2, -2]], np.float32)
    p_defect = 1 / (1 + np.exp(-(scale * np.array(means) + shift)))
    return np.stack([1 - p_defect, p_defect], axis=1).astype(np.float32), heat


def test_scale_and_shift_of_a_calibrated_model_are_found() -> None:
    probe = HeatProbe()

    probe.add(*_answers([-5.0, -2.0, 0.0, 3.0], scale=1.25, shift=-1.75))

    found = probe.fit()
    assert isinstance(found, Margin)
    assert (found.scale, found.shift) == pytest.approx((1.25, -1.75), abs=1e-3)


def test_answers_too_sure_to_be_told_apart_are_left_out() -> None:
    probe = HeatProbe()
    probe.add(*_answers([-5.0, -2.0, 0.0, 3.0], scale=1.25, shift=-1.75))

    probe.add(np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), np.full((2, 2, 2), 70.0, np.float32))

    found = probe.fit()
    assert isinstance(found, Margin)
    assert found.scale == pytest.approx(1.25, abs=1e-3)


@pytest.mark.parametrize(
    ("means", "scale", "told"),
    [
        ([-5.0, -2.0, 0.0, 3.0], -1.0, "at scale -1"),
        ([1.0, 1.1], 1.0, "only 2 answers"),
        ([1.0, 1.1, 1.2, 1.3], 1.0, "too much alike"),
    ],
)
def test_heat_that_explains_no_score_is_told(means: list[float], scale: float, told: str) -> None:
    probe = HeatProbe()

    probe.add(*_answers(means, scale, 0.0))

    assert told in str(probe.fit())


def test_heat_that_is_not_the_map_of_the_score_is_told() -> None:
    probe = HeatProbe()
    scores, heat = _answers([-5.0, -2.0, 0.0, 3.0], 1.0, 0.0)

    probe.add(scores, heat[[1, 0, 3, 2]])

    assert "from what its heat says" in str(probe.fit())


def test_a_model_with_several_defect_labels_cannot_be_taken_apart() -> None:
    probe = HeatProbe()
    scores, heat = _answers([-5.0, -2.0, 0.0, 3.0], 1.0, 0.0)

    probe.add(np.column_stack([scores, np.zeros(len(scores), np.float32)]), heat)

    assert "worst label alone" in str(probe.fit())


def test_the_same_heat_for_every_score_is_told() -> None:
    probe = HeatProbe()
    scores, heat = _answers([-5.0, -2.0, 0.0, 3.0], 1.0, 0.0)

    probe.add(scores, np.full_like(heat, 2.0))

    assert "the same whatever the score" in str(probe.fit())


def test_blends_lie_between_good_and_bad_golden_tiles(bundle: Bundle) -> None:
    scores = np.concatenate([expected_answer(tile[None])[0][:, 1] for tile in blends(bundle.golden)])

    assert ((scores > 0.1) & (scores < 0.999)).sum() >= 2
    assert np.diff(scores[:15]).min() >= 0


def test_an_engine_measures_its_heat_where_the_golden_tiles_alone_are_too_much_alike(bundle: Bundle) -> None:
    engine = OnnxEngine(bundle, FRAME, hardware=ONE_THREAD, reads_heat=True)

    engine.verify()

    assert engine.margin is not None  # margin and logit of the tiny bundle are the same
    assert (engine.margin.scale, engine.margin.shift) == pytest.approx((1.0, 0.0), abs=1e-3)


def test_an_engine_that_need_not_does_not_measure(bundle: Bundle) -> None:
    engine = OnnxEngine(bundle, FRAME, hardware=ONE_THREAD)

    engine.verify()

    assert engine.margin is None


def test_a_model_whose_heat_does_not_explain_its_scores_judges_no_zones(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = OnnxEngine(bundle, FRAME, hardware=ONE_THREAD, reads_heat=True)
    monkeypatch.setattr(HeatProbe, "fit", lambda probe: "a score lies 3.1 (logit) from what its heat says")

    with pytest.raises(EngineError, match=r"does not tell where its score comes from: a score .* \(regions\.roi"):
        engine.verify()
    with pytest.raises(EngineError, match="has not replayed its golden tiles"):
        engine.run(_strip(), _nothing)


@pytest.mark.parametrize("chosen", [[6], [0, 6, 8], list(range(8)), list(range(9))])
def test_some_tiles_get_the_scores_they_have_among_all(bundle: Bundle, chosen: list[int]) -> None:
    whole, some = (
        OnnxEngine(bundle, FRAME, hardware=ONE_THREAD),
        OnnxEngine(bundle, FRAME, hardware=ONE_THREAD, chunk=5, may_skip=True),
    )
    whole.verify()
    some.verify()
    frame, tiles = _strip(2, 6), np.array(chosen, np.intp)

    results = some.run(frame, _nothing, tiles)

    expected = whole.run(frame, _nothing)
    np.testing.assert_allclose(results.scores, expected.scores[tiles], atol=1e-6)
    np.testing.assert_allclose(results.heat, expected.heat[tiles], rtol=1e-5, atol=1e-4)
    assert results.tiles is tiles


def test_every_chunk_size_that_may_come_is_replayed_before_the_first_part(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = OnnxEngine(bundle, FRAME, hardware=ONE_THREAD, chunk=4, may_skip=True)
    replayed = set()
    replay = OnnxEngine._replay_golden

    def noted(self: OnnxEngine, batch: object, probe: HeatProbe) -> None:
        replayed.add(len(batch))  # type: ignore[arg-type]
        replay(self, batch, probe)  # type: ignore[arg-type]

    monkeypatch.setattr(OnnxEngine, "_replay_golden", noted)

    engine.verify()

    assert replayed == {size for n in range(1, 10) for size in chunk_sizes(n, 4)} == {1, 2, 3, 4}


@pytest.mark.parametrize("tiles", [[0, 1], []])
def test_an_engine_that_was_not_made_for_fewer_tiles_refuses_them(bundle: Bundle, tiles: list[int]) -> None:
    engine = OnnxEngine(bundle, FRAME, hardware=ONE_THREAD)
    engine.verify()

    with pytest.raises(ValueError, match="made for 9 tiles"):
        engine.run(_strip(), _nothing, np.array(tiles, np.intp))


def test_no_tiles_are_no_part(bundle: Bundle) -> None:
    engine = OnnxEngine(bundle, FRAME, hardware=ONE_THREAD, may_skip=True)
    engine.verify()

    with pytest.raises(ValueError, match="not 0"):
        engine.run(_strip(), _nothing, np.array([], np.intp))


def test_an_engine_scores_the_tiles_it_was_given(bundle: Bundle) -> None:
    corners = np.array([(0, 100), (0, 6 * 64)], np.intp)
    engine = OnnxEngine(bundle, FRAME, hardware=ONE_THREAD, corners_yx=corners)
    engine.verify()

    results = engine.run(_strip(6), _nothing)

    assert (results.scores[:, 1] > 0.5).tolist() == [False, True]


def test_a_failed_run_of_some_tiles_leaves_no_answer_of_an_earlier_part(tmp_path: Path) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path), trust=ANYONE)
    engine = OnnxEngine(bundle, FRAME, hardware=ONE_THREAD, may_skip=True)
    engine.verify()
    tiles = np.array([0, 6], np.intp)
    kept = engine.run(_strip(6), _nothing, tiles)
    engine._batches[0, 2]._session = None  # type: ignore[assignment]

    with pytest.raises(AttributeError):
        engine.run(_strip(), _nothing, tiles)

    assert np.isnan(kept.scores).all()
