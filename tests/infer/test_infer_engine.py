"""From a frame to scores, on the tiny bundle."""

from __future__ import annotations

import dataclasses
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fakes.tiny_bundle import draw_tile, expected_answer, write_tiny_bundle
from onnx import helper

from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import BundleError, EngineError, SettingsError
from edge_inspector.core.frame import U8, FrameShape
from edge_inspector.core.ports import Engine
from edge_inspector.core.verdict import Outcome, Reason
from edge_inspector.decide.limits import merged_limits
from edge_inspector.decide.rules import Rules, judge
from edge_inspector.infer import engine as engine_module
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.providers import usable_cores
from edge_inspector.infer.runtime import Hardware, ProviderName

FRAME = FrameShape(64, 64 * 9, 3)  # nine tiles side by side: chunks of 5 and 4
PROVIDERS: tuple[ProviderName, ...] = ("cpu", "openvino")
Verified = Callable[..., OnnxEngine]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(write_tiny_bundle(tmp_path_factory.mktemp("bundle")), trust=ANYONE)


@pytest.fixture(params=PROVIDERS)
def hardware(request: pytest.FixtureRequest) -> Hardware:
    return Hardware(request.param, threads=1)


@pytest.fixture
def verified(hardware: Hardware) -> Verified:
    """Give a maker of engines that have replayed their golden tiles."""

    def make(bundle: Bundle, frame: FrameShape = FRAME, **options: Any) -> OnnxEngine:
        engine = OnnxEngine(bundle, frame, **{"hardware": hardware} | options)
        engine.verify()
        return engine

    return make


@pytest.fixture
def failing(bundle: Bundle, hardware: Hardware, verified: Verified) -> OnnxEngine:
    """Give an engine whose every run on a white pixel fails truly, in the library."""
    if hardware.provider == "openvino" and usable_cores() == 1:
        pytest.skip("there is one core, on which OpenVINO aborts the process instead")
    with_two = dataclasses.replace(hardware, threads=2)
    return verified(dataclasses.replace(bundle, model_bytes=_fails_on_white(bundle.model_bytes)), hardware=with_two)


@pytest.fixture
def engine(bundle: Bundle, verified: Verified) -> OnnxEngine:
    return verified(bundle)


def _strip(*spots_at: int, channels: int = 3, seed: int = 0) -> U8:
    """Return nine tiles of light metal, those at `spots_at` with a dark spot."""
    tiles = [draw_tile((64, 64), channels, seed * 9 + i, spot_px=16 if i in spots_at else 0) for i in range(9)]
    return np.concatenate(tiles, axis=1)


def _nothing() -> None: ...


def test_the_tile_with_the_spot_is_the_one_that_scores(engine: OnnxEngine) -> None:
    results = engine.run(_strip(6), _nothing)

    assert int(results.scores[:, 1].argmax()) == 6
    assert results.scores[6, 1] > 0.9
    assert np.delete(results.scores[:, 1], 6).max() < 0.1


def test_scores_and_heat_are_those_of_each_tile_alone(engine: OnnxEngine, bundle: Bundle, verified: Verified) -> None:
    frame = _strip(0, 4, 8)
    single = verified(bundle, FrameShape(64, 64, 3))

    results = engine.run(frame, _nothing)

    for i, (y, x) in enumerate(engine.corners_yx.tolist()):
        alone = single.run(frame[y : y + 64, x : x + 64], _nothing)
        np.testing.assert_allclose(results.scores[i], alone.scores[0], atol=1e-6)
        np.testing.assert_allclose(results.heat[i], alone.heat[0], rtol=1e-5, atol=1e-4)


def test_the_heat_map_has_rows_first(engine: OnnxEngine) -> None:
    frame = np.full(FRAME.hwc, 150, np.uint8)
    frame[40:56, 8:24] = 30  # row 5 to 6, column 1 to 2 of the first tile's 8x8 cells

    results = engine.run(frame, _nothing)

    expected = expected_answer(frame[None, :, :64])[1][0]
    np.testing.assert_allclose(results.heat[0], expected, atol=1e-2)
    assert {tuple(cell) for cell in np.argwhere(results.heat[0] > 0).tolist()} == {(5, 1), (5, 2), (6, 1), (6, 2)}


def test_overlapping_tiles_in_two_dimensions_come_in_grid_order(bundle: Bundle, verified: Verified) -> None:
    engine = verified(bundle, FrameShape(100, 150, 3), overlap=16)
    frame = np.full((100, 150, 3), 150, np.uint8)
    frame[80:100, 0:20] = 30

    results = engine.run(frame, _nothing)

    worst = int(results.scores[:, 1].argmax())
    assert engine.corners_yx[worst].tolist() == [36, 0]


def test_a_grey_camera_feeds_a_colour_model(engine: OnnxEngine, bundle: Bundle, verified: Verified) -> None:
    grey = _strip(2, channels=1)
    for_grey = verified(bundle, dataclasses.replace(FRAME, channels=1))

    from_grey = for_grey.run(grey, _nothing).scores.copy()

    np.testing.assert_allclose(from_grey, engine.run(np.repeat(grey, 3, axis=2), _nothing).scores, atol=1e-6)


def test_progress_is_told_once_after_each_chunk(engine: OnnxEngine) -> None:
    told = []

    engine.run(_strip(), lambda: told.append(1))

    assert engine.chunk_sizes == (5, 4)
    assert len(told) == 2


def test_stages_are_timed(engine: OnnxEngine) -> None:
    engine.run(_strip(), _nothing)

    assert engine.tile_ns > 0
    assert engine.infer_ns > 0


def test_a_run_gives_the_same_buffers_and_keeps_nothing(engine: OnnxEngine) -> None:
    frame = _strip(3)
    first = engine.run(frame, _nothing)
    tracemalloc.start()
    try:
        engine.run(frame, _nothing)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            assert engine.run(frame, _nothing) is first
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert grown < 64_000  # to keep the heat maps of each run would be 460 kB, a tile of each 2.4 MB


def test_nothing_is_judged_before_the_golden_tiles_were_replayed(bundle: Bundle, hardware: Hardware) -> None:
    engine = OnnxEngine(bundle, FRAME, hardware=hardware)

    with pytest.raises(EngineError, match=f"has not replayed its golden tiles on {hardware.provider}"):
        engine.run(_strip(), _nothing)


def test_an_engine_is_an_engine(engine: OnnxEngine) -> None:
    port: Engine = engine

    port.verify()


@pytest.mark.parametrize("chunk", [1, 2, 3, 9, 256])
def test_golden_tiles_are_replayed_at_every_chunk_size(bundle: Bundle, chunk: int, verified: Verified) -> None:
    engine = verified(bundle, chunk=chunk)

    assert engine.run(_strip(7), _nothing).scores[7, 1] > 0.9


@pytest.mark.fault(
    15,
    injected="a model that answers otherwise than its golden tiles say",
    seen="never ready",
    noticed="at the start",
)
def test_another_answer_to_a_golden_tile_stops_the_engine(tmp_path: Path, verified: Verified) -> None:
    shifted = load_bundle(write_tiny_bundle(tmp_path, golden_shift=0.02, tolerance=0.01), trust=ANYONE)

    with pytest.raises(EngineError, match=r"golden/00\.png .*: score 0 should be .* within 0\.01, but is"):
        verified(shifted)


def test_one_flipped_pixel_value_of_a_golden_tile_is_noticed(bundle: Bundle, verified: Verified) -> None:
    first = bundle.golden[0]
    dark = np.full_like(first.pixels, 30)
    damaged = dataclasses.replace(bundle, golden=(dataclasses.replace(first, pixels=dark), *bundle.golden[1:]))

    with pytest.raises(EngineError, match=r"chunks of 5 .*golden/00\.png \(OK\)"):
        verified(damaged)


def test_another_heat_map_stops_the_engine_though_the_scores_agree(bundle: Bundle, verified: Verified) -> None:
    first = bundle.golden[0]
    moved = dataclasses.replace(first, heat_peak=first.heat_peak + 2.0)

    with pytest.raises(EngineError, match="heat at row"):
        verified(dataclasses.replace(bundle, golden=(moved, *bundle.golden[1:])))


def test_nan_lies_outside_every_tolerance(tmp_path: Path, verified: Verified) -> None:
    with pytest.raises(EngineError, match="but is nan"):
        verified(load_bundle(write_tiny_bundle(tmp_path, nan_always=True), trust=ANYONE))


def test_nan_met_on_the_line_is_judged_unknown(tmp_path: Path, verified: Verified) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path, nan_on_white=True), trust=ANYONE)
    engine = verified(bundle)
    frame = _strip()
    frame[:, 64:128] = 255
    labels = bundle.manifest.labels

    results = engine.run(frame, _nothing)
    judgement = judge(
        results, engine.corners_yx, engine.tile_hw, Rules(labels, merged_limits(labels, bundle.manifest.limits, {}, ""))
    )

    assert (judgement.outcome, judgement.reason) == (Outcome.UNKNOWN, Reason.MODEL_NAN)


@pytest.mark.fault(
    15,
    injected="graphs with other shapes, types or columns than the manifest says",
    seen="refused before the first part, with both shapes",
    noticed="at the start",
)
@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({"labels": ("OK", "PIT", "SCRATCH")}, r"dimensions of scores after the first should be \[3\], but is \[2\]"),
        (
            {"graph_tile": (32, 32)},
            r"dimensions of tiles after the first should be \[64, 64, 3\], but is \[32, 32, 3\]",
        ),
        ({"graph_channels": 1}, r"but is \[64, 64, 1\]"),
        ({"float_input": True}, r"type of tiles should be uint8, but is float32"),
        ({"heat_cells": (8, 9)}, r"dimensions of heat after the first should be \[8, 9\], but is \[8, 8\]"),
    ],
)
def test_a_graph_that_is_not_what_its_manifest_says_is_refused(
    tmp_path: Path, faults: dict[str, object], message: str, hardware: Hardware
) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path, **faults), trust=ANYONE)

    with pytest.raises(BundleError, match=message):
        OnnxEngine(bundle, FRAME, hardware=hardware)


def test_a_graph_for_a_fixed_number_of_tiles_is_refused(bundle: Bundle, hardware: Hardware) -> None:
    graph = onnx.load_from_string(bundle.model_bytes)
    graph.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1

    with pytest.raises(BundleError, match="first dimension of tiles should be any number of tiles, but is 1"):
        OnnxEngine(dataclasses.replace(bundle, model_bytes=graph.SerializeToString()), FRAME, hardware=hardware)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (FrameShape(63, 640, 3), "frame is 63 px high, a tile is 64 px high"),
        (FrameShape(64, 640, 3), "overlap of 64 px"),
    ],
)
def test_a_frame_that_cannot_be_tiled_is_a_mistake_in_the_configuration(
    bundle: Bundle, frame: FrameShape, message: str, hardware: Hardware
) -> None:
    with pytest.raises(SettingsError, match=message):
        OnnxEngine(bundle, frame, overlap=64, hardware=hardware)


def test_a_colour_camera_for_a_grey_model_is_a_mistake_in_the_configuration(tmp_path: Path, hardware: Hardware) -> None:
    grey = load_bundle(write_tiny_bundle(tmp_path, channels=1), trust=ANYONE)

    with pytest.raises(SettingsError, match="Mono"):
        OnnxEngine(grey, FRAME, hardware=hardware)


def test_a_frame_of_another_size_is_refused(engine: OnnxEngine) -> None:
    with pytest.raises(ValueError, match=r"frame must be uint8 \(64, 576, 3\)"):
        engine.run(np.zeros((64, 512, 3), np.uint8), _nothing)


def test_a_failed_run_is_an_engine_error_until_the_golden_tiles_were_replayed(failing: OnnxEngine) -> None:
    white = np.full(FRAME.hwc, 255, np.uint8)

    with pytest.raises(EngineError, match=r"tiny-spots@1\.0\.0 failed on \w+ with a chunk of 5 tiles: \S"):
        failing.run(white, _nothing)
    with pytest.raises(EngineError, match="has not replayed"):
        failing.run(_strip(), _nothing)
    failing.verify()

    assert failing.run(_strip(3), _nothing).scores[3, 1] > 0.9


def test_a_failed_run_leaves_no_answer_of_an_earlier_part(failing: OnnxEngine) -> None:
    results = failing.run(_strip(), _nothing)

    with pytest.raises(EngineError):
        failing.run(np.full(FRAME.hwc, 255, np.uint8), _nothing)

    assert np.isnan(results.scores[:5]).all()


def _fails_on_white(model_bytes: bytes) -> bytes:
    """Return the graph with a row added, a single 0 unless a pixel is white: then it fails truly while it runs."""
    model = onnx.load_from_string(model_bytes)
    graph = model.graph
    add = helper.make_node
    nodes = [
        add("ReduceMax", ["pixels"], ["brightest"], keepdims=0),
        add("Sub", ["brightest", "grey_249"], ["over"]),
        add("Max", ["over", "one"], ["length"]),  # 6 of a white pixel, which do not fit 8 columns
        add("Range", ["zero", "length", "one"], ["row"]),
        add("Add", ["shifted", "row"], ["heat"]),
    ]
    graph.initializer.append(onnx.numpy_helper.from_array(np.array(249.0, np.float32), "grey_249"))
    next(node for node in graph.node if list(node.output) == ["heat"]).output[0] = "shifted"
    graph.node.extend(nodes)
    return model.SerializeToString()


def test_the_place_is_asserted_again_with_every_proof(engine: OnnxEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(_runtime: object) -> None:
        raise EngineError("runs elsewhere than it should")

    monkeypatch.setattr(type(engine._runtime), "assert_place", elsewhere)

    with pytest.raises(EngineError, match="elsewhere than it should"):
        engine.verify()

    with pytest.raises(EngineError, match="has not replayed its golden tiles"):
        engine.run(np.zeros(FRAME.hwc, np.uint8), lambda: None)


def test_twins_in_threads_say_of_each_frame_what_one_alone_says(engine: OnnxEngine) -> None:
    frames = [_strip(i % 9, (i * 4) % 9, seed=i) for i in range(12)]
    alone = [np.copy(engine.run(frame, _nothing).scores) for frame in frames]
    engines = [engine, *(engine.twin() for _ in range(3))]
    for twin in engines[1:]:
        twin.verify()
    together = threading.Barrier(len(engines), timeout=30)

    def judged(me: int) -> list[int]:
        together.wait()
        picked = [(turn * (me + 1) + me) % len(frames) for turn in range(40)]
        return [at for at in picked if not np.allclose(engines[me].run(frames[at], _nothing).scores, alone[at])]

    with ThreadPoolExecutor(len(engines)) as pool:
        wrong = list(pool.map(judged, range(len(engines))))

    assert wrong == [[]] * len(engines)


def test_a_twin_must_prove_itself(engine: OnnxEngine) -> None:
    with pytest.raises(EngineError, match="has not replayed its golden tiles"):
        engine.twin().run(_strip(), _nothing)


def test_every_size_of_chunk_replays_the_golden_tiles(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, verified: Verified
) -> None:
    proven: set[int] = set()

    def noted(chosen: Sequence[object], *_others: object) -> None:
        proven.add(len(chosen))

    monkeypatch.setattr(engine_module, "first_difference", noted)
    engine = verified(bundle)

    assert proven == set(engine.chunk_sizes) == {5, 4}
