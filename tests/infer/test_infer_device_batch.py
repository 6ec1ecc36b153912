"""Buffers on a device: the same answers, at fixed addresses, heat only where it is read; nothing after a failure."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from fakes.gpu import ILLEGAL_ACCESS, NO_MEMORY, FakeGpuSession, give_gpu, give_session
from fakes.tiny_bundle import draw_tile, write_tiny_bundle

from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import U8, FrameShape
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.gpu_context import GpuContext
from edge_inspector.infer.onnx_runtime import OnnxRuntime
from edge_inspector.infer.runtime import Hardware, RunFailed

FRAME = FrameShape(64, 64 * 9, 3)  # nine tiles side by side: chunks of 5 and 4
CUDA = Hardware("cuda")
LIMIT = 0.5


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(write_tiny_bundle(tmp_path_factory.mktemp("bundle")), trust=ANYONE)


@pytest.fixture
def engine(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> OnnxEngine:
    give_gpu(monkeypatch)
    engine = OnnxEngine(bundle, FRAME, hardware=CUDA)
    engine.verify()
    return engine


def _strip(*spots_at: int) -> U8:
    tiles = [draw_tile((64, 64), 3, i, spot_px=16 if i in spots_at else 0) for i in range(9)]
    return np.concatenate(tiles, axis=1)


def _nothing() -> None: ...


def _session(engine: OnnxEngine) -> FakeGpuSession:
    session: FakeGpuSession = engine._runtime._session  # type: ignore[attr-defined]
    return session


def test_a_device_gives_what_the_processor_gives(engine: OnnxEngine, bundle: Bundle) -> None:
    cpu = OnnxEngine(bundle, FRAME, hardware=Hardware(threads=1))
    cpu.verify()
    frame = _strip(0, 7)

    there, here = engine.run(frame, _nothing), cpu.run(frame, _nothing)

    np.testing.assert_array_equal(there.scores, here.scores)
    np.testing.assert_array_equal(there.heat, here.heat)


def test_heat_comes_back_for_chunks_with_a_tile_at_the_limit_and_is_no_evidence_elsewhere(engine: OnnxEngine) -> None:
    whole = engine.run(_strip(7), _nothing).heat.copy()

    results = engine.run(_strip(7), _nothing, None, LIMIT)

    np.testing.assert_array_equal(results.heat[:5], 0.0)  # the chunk without a spot: not NaN, and not over 0
    np.testing.assert_array_equal(results.heat[5:], whole[5:])
    assert whole[:5].any()


def test_a_score_that_just_reaches_the_limit_brings_its_heat(engine: OnnxEngine) -> None:
    scores = engine.run(_strip(7), _nothing).scores.copy()
    limit = float(np.maximum(1.0 - scores[:, 0], scores[:, 1])[:5].max())

    assert engine.run(_strip(7), _nothing, None, limit).heat[:5].any()
    assert not engine.run(_strip(7), _nothing, None, float(np.nextafter(np.float32(limit), 1))).heat[:5].any()


def test_nan_is_brought_back_with_its_heat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give_gpu(monkeypatch)
    engine = OnnxEngine(load_bundle(write_tiny_bundle(tmp_path, nan_on_white=True), trust=ANYONE), FRAME, hardware=CUDA)
    engine.verify()
    frame = _strip()
    frame[:, 64:128] = 255

    results = engine.run(frame, _nothing, None, LIMIT)

    assert np.isnan(results.scores[1]).all()
    assert results.heat[:5].any()  # looked at, though NaN reaches no limit
    np.testing.assert_array_equal(results.heat[5:], 0.0)


def test_golden_tiles_are_compared_by_their_heat_too(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    give_gpu(monkeypatch)
    first = bundle.golden[0]
    moved = dataclasses.replace(first, heat_peak=first.heat_peak + 2.0)
    engine = OnnxEngine(dataclasses.replace(bundle, golden=(moved, *bundle.golden[1:])), FRAME, hardware=CUDA)

    with pytest.raises(EngineError, match="heat at row"):
        engine.verify()


def test_buffers_stay_where_they_are_and_are_shared_by_chunks_of_one_size(engine: OnnxEngine, bundle: Bundle) -> None:
    buffers = engine._runtime._buffers  # type: ignore[attr-defined]
    before = {place: each.addresses for place, each in buffers.items()}
    for spot in range(9):
        engine.run(_strip(spot), _nothing, None, LIMIT)

    assert {place: each.addresses for place, each in buffers.items()} == before
    assert len(buffers) == 2  # chunks of 5 and of 4

    many = OnnxEngine(bundle, FrameShape(64, 64 * 80, 3), hardware=CUDA)

    assert len(many.chunk_sizes) == 10
    assert len(many._runtime._buffers) == 1  # type: ignore[attr-defined]


def test_a_twin_has_buffers_of_its_own(engine: OnnxEngine) -> None:
    before = len(engine._runtime._buffers)  # type: ignore[attr-defined]

    twin = engine.twin()
    twin.verify()

    assert len(engine._runtime._buffers) == 2 * before  # type: ignore[attr-defined]
    first = engine.run(_strip(2), _nothing).scores.copy()
    twin.run(_strip(6), _nothing)
    np.testing.assert_array_equal(engine._results.scores, first)


def test_the_memory_of_tiles_is_pinned_once_for_each_size(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    give_session(monkeypatch, FakeGpuSession)
    pinned: list[int] = []

    def pin(array: U8) -> bool:
        pinned.append(array.ctypes.data)
        return True

    runtime = OnnxRuntime(bundle.model_bytes, CUDA, context=GpuContext(), device="cpu", pin=pin)
    tiles, heat_hw = np.zeros((4, 64, 64, 3), np.uint8), bundle.manifest.heat_hw
    for _ in range(3):
        outputs = {"scores": np.zeros((4, 2), np.float32), "heat": np.zeros((4, *heat_hw), np.float32)}
        runtime.bind(tiles, outputs)

    assert pinned == [tiles.ctypes.data]


def test_after_a_failed_run_no_proof_counts_and_nothing_runs(engine: OnnxEngine) -> None:
    _session(engine).failures.append(ILLEGAL_ACCESS)

    with pytest.raises(EngineError, match=r"CUDA failure 700: an illegal memory access was encountered") as caught:
        engine.run(_strip(), _nothing)
    runs = _session(engine).runs
    with pytest.raises(EngineError, match="nothing can be trusted that this process computes there"):
        engine.verify()
    with pytest.raises(EngineError, match="has not replayed"):
        engine.run(_strip(), _nothing)

    assert _session(engine).runs == runs  # the session would have answered
    assert "line-7" not in str(caught.value)  # no host name, no path of somebody's build
    assert "onnxruntime_src" not in str(caught.value)


def test_a_failed_run_leaves_no_answer(engine: OnnxEngine) -> None:
    results = engine.run(_strip(3), _nothing)
    _session(engine).failures.append(NO_MEMORY)

    with pytest.raises(EngineError, match="the GPU's memory is full"):
        engine.run(_strip(3), _nothing, None, LIMIT)

    assert np.isnan(results.scores[:5]).all()
    assert np.isnan(results.heat[:5]).all()


def test_what_failed_for_one_model_counts_for_all_of_the_process(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_gpu(monkeypatch)
    one, other = (OnnxEngine(bundle, FRAME, hardware=CUDA) for _ in range(2))
    for each in (one, other):
        each.verify()
    _session(one).failures.append(ILLEGAL_ACCESS)

    with pytest.raises(EngineError):
        one.run(_strip(), _nothing)

    with pytest.raises(EngineError, match="another run of this process failed on the GPU"):
        other.run(_strip(), _nothing)
    with pytest.raises(EngineError, match="a fresh one begins"):
        OnnxEngine(bundle, FRAME, hardware=CUDA)


def test_an_answer_beside_which_another_run_failed_is_none(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    context = give_gpu(monkeypatch)
    engine = OnnxEngine(bundle, FRAME, hardware=CUDA)
    engine.verify()
    run = FakeGpuSession.run_with_iobinding

    def meanwhile(self: FakeGpuSession, binding: object) -> None:
        run(self, binding)  # type: ignore[arg-type]
        context.fail("the other thread's run")

    monkeypatch.setattr(FakeGpuSession, "run_with_iobinding", meanwhile)

    with pytest.raises(EngineError, match="the other thread's run"):
        engine.run(_strip(), _nothing)


def test_a_device_without_room_for_the_buffers_refuses_the_model(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_session(monkeypatch, FakeGpuSession)
    context = GpuContext()
    runtime = OnnxRuntime(bundle.model_bytes, CUDA, context=context, device="cpu", pin=lambda _: False)
    outputs = {"scores": np.zeros((1, 2), np.float32), "heat": np.zeros((1, 8, 8), np.float32)}

    def full(*_: object) -> ort.OrtValue:
        raise RuntimeError(
            "CUDA failure 2: out of memory ; GPU=0 ; hostname=line-7 ; expr=cudaMalloc((void**)&p, size);"
        )

    monkeypatch.setattr(ort.OrtValue, "ortvalue_from_shape_and_type", full)

    with pytest.raises(EngineError, match="no buffers for 1 tiles on cuda: the GPU's memory is full"):
        runtime.bind(np.zeros((1, 64, 64, 3), np.uint8), outputs)
    assert context.failure is not None


def test_the_first_failure_is_the_one_that_is_told() -> None:
    context = GpuContext()
    context.fail("first")
    context.fail("second")

    assert context.failure == "first"
    with pytest.raises(RunFailed, match="first"):
        context.check_answer()
