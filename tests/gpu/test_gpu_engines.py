"""The contract of every provider of a GPU, on a real one."""

from __future__ import annotations

import ctypes
import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from gpu_bundles import shipped

from edge_inspector.bundle.load import Bundle
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import U8, FrameShape
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.gpu_context import GpuContext
from edge_inspector.infer.onnx_runtime import OnnxRuntime
from edge_inspector.infer.runtime import Build, Hardware, RunFailed, TensorRtOptions

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(1800)]  # TensorRT compiles for minutes

STRIP = FrameShape(256, 1600, 3)
CUDA = Hardware("cuda")
WAYS = [
    pytest.param("cuda", "fp32", False, id="cuda"),
    pytest.param("tensorrt", "fp32", False, id="tensorrt"),
    pytest.param("tensorrt", "fp32", True, id="tensorrt-fp16"),
    pytest.param("tensorrt", "int8", False, id="tensorrt-int8"),
]
MB = 1 << 20


def _engine(bundle: Bundle, hardware: Hardware, frame: FrameShape = STRIP, **options: object) -> OnnxEngine:
    engine = OnnxEngine(bundle, frame, hardware=hardware, **options)  # type: ignore[arg-type]
    engine.verify()
    return engine


def _frame(bundle: Bundle, seed: int) -> U8:
    """Return a strip paved with golden tiles."""
    random = np.random.default_rng(seed)
    tiles = [bundle.golden[i].pixels for i in random.integers(len(bundle.golden), size=7)]
    return np.ascontiguousarray(np.concatenate(tiles, axis=1)[:, :1600])


def _nothing() -> None: ...


@pytest.mark.parametrize(("provider", "graph", "half"), WAYS)
def test_golden_tiles_and_frames_are_answered_as_on_a_cpu(provider: str, graph: str, half: bool, engines: Path) -> None:
    bundle = shipped(graph)
    hardware = Hardware(provider, cache_dir=engines, tensorrt=TensorRtOptions(half))  # type: ignore[arg-type]
    there, here = _engine(bundle, hardware), _engine(bundle, Hardware())

    for seed in range(8):
        frame = _frame(bundle, seed)
        on_gpu, on_cpu = there.run(frame, _nothing), here.run(frame, _nothing)
        np.testing.assert_allclose(on_gpu.scores, on_cpu.scores, atol=bundle.tolerance.score)


@pytest.mark.parametrize(("provider", "graph", "half"), WAYS)
def test_every_number_of_tiles_is_proven_and_none_compiles_later(
    provider: str, graph: str, half: bool, engines: Path
) -> None:
    hardware = Hardware(provider, cache_dir=engines, tensorrt=TensorRtOptions(half))  # type: ignore[arg-type]
    engine = _engine(shipped(graph), hardware, may_skip=True)
    before = sorted(engines.rglob("*.engine"))

    for n in range(1, len(engine.corners_yx) + 1):
        engine.run(_frame(shipped(graph), n), _nothing, np.arange(n))
    engine.verify()

    assert sorted(engines.rglob("*.engine")) == before


def test_buffers_lie_on_the_gpu_stay_where_they_are_and_are_pinned_here(tiny: Bundle) -> None:
    engine = _engine(tiny, CUDA, FrameShape(64, 576, 3))
    buffers = engine._runtime._buffers  # type: ignore[attr-defined]
    before = {place: each.addresses for place, each in buffers.items()}

    for _ in range(200):
        engine.run(np.zeros((64, 576, 3), np.uint8), _nothing, None, 0.5)

    assert {place: each.addresses for place, each in buffers.items()} == before
    assert {each._input.device_name() for each in buffers.values()} == {"cuda"}
    assert all(each.is_pinned for each in buffers.values())


def test_heat_comes_back_only_where_a_tile_reaches_the_limit(tiny: Bundle) -> None:
    engine = _engine(tiny, CUDA, FrameShape(64, 576, 3))
    frame = np.full((64, 576, 3), 150, np.uint8)
    frame[20:44, 20:44] = 30  # the first tile, in the first of two chunks

    results = engine.run(frame, _nothing, None, 0.5)

    assert results.heat[0].max() > 0
    np.testing.assert_array_equal(results.heat[5:], 0.0)


@contextmanager
def _full_gpu() -> Iterator[None]:
    """Take all memory of the GPU but for some MB."""
    taken = []
    for size in (1024 * MB, 64 * MB, 4 * MB):
        try:
            while True:
                taken.append(ort.OrtValue.ortvalue_from_shape_and_type([size], np.uint8, "cuda", 0))
        except RuntimeError:
            continue
    try:
        yield
    finally:
        taken.clear()


def test_memory_that_runs_out_in_a_run_ends_all_trust(tiny: Bundle) -> None:
    context = GpuContext()
    runtime = OnnxRuntime(shipped("fp32").model_bytes, CUDA, context=context)
    n = 256
    tiles = np.zeros((n, 256, 256, 3), np.uint8)
    outputs = {"scores": np.zeros((n, 2), np.float32), "heat": np.zeros((n, 8, 8), np.float32)}
    batch = runtime.bind(tiles, outputs)  # its activations are allotted in the first run

    with _full_gpu(), pytest.raises(RunFailed, match="the GPU's memory is full"):
        batch.run()

    assert np.isnan(outputs["scores"]).all()
    with pytest.raises(EngineError, match="nothing can be trusted"):
        runtime.assert_place()


def test_memory_that_is_full_at_the_start_refuses_the_model() -> None:
    with _full_gpu(), pytest.raises(EngineError, match="the GPU's memory is full"):
        OnnxEngine(shipped("fp32"), FrameShape(256, 256 * 256, 3), hardware=CUDA, chunk=256)


def test_a_gpu_that_is_not_there_is_named(tiny: Bundle) -> None:
    with pytest.raises(EngineError, match="there is no GPU of that number"):
        OnnxRuntime(tiny.model_bytes, Hardware("cuda", 63), context=GpuContext())


def test_tensorrt_builds_nothing_at_the_second_start_and_a_foreign_engine_anew(tiny: Bundle, tmp_path: Path) -> None:
    told: list[Build] = []
    hardware = Hardware("tensorrt", cache_dir=tmp_path)
    frame = FrameShape(64, 576, 3)
    for _ in range(2):
        _engine(tiny, hardware, frame, tell_build=told.append)
    assert len(told) == 2  # before and after the only build

    [file] = tmp_path.glob("*/key.json")
    body = json.loads(file.read_text())
    body["key"]["uuid"] = "of a card in another PC"
    file.write_text(json.dumps(body))
    told.clear()
    _engine(tiny, hardware, frame, tell_build=told.append)

    assert [build.why.split()[0] for build in told] == ["uuid", "uuid"]


def test_tensorrt_itself_writes_what_the_cache_looks_after(tiny: Bundle, tmp_path: Path) -> None:
    hardware = Hardware("tensorrt", cache_dir=tmp_path)
    _engine(tiny, hardware, FrameShape(64, 576, 3))
    [folder] = [each for each in tmp_path.iterdir() if each.is_dir()]
    before = {file.name: (file.stat().st_mtime_ns, file.stat().st_size) for file in folder.glob("*.engine")}

    _engine(dataclasses.replace(tiny), hardware, FrameShape(64, 576, 3))

    assert before
    assert {file.name: (file.stat().st_mtime_ns, file.stat().st_size) for file in folder.glob("*.engine")} == before


def test_the_cuda_runtime_that_pins_is_the_one_onnx_runtime_loaded() -> None:
    with open("/proc/self/maps") as maps:
        loaded = {line.split()[-1] for line in maps if "libcudart.so" in line}

    assert ctypes.CDLL("libcudart.so.13")
    assert len(loaded) == 1
