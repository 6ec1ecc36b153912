"""What every library behind the `Runtime` seam must keep, on each of them that a CPU can run."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from fakes.tiny_bundle import draw_tile, expected_answer, write_tiny_bundle

from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import BundleError, EngineError
from edge_inspector.core.frame import F32, U8
from edge_inspector.infer.load import load_runtime
from edge_inspector.infer.runtime import Batch, Hardware, ProviderName, Runtime, Tensor

ON_A_CPU: tuple[ProviderName, ...] = ("cpu", "openvino")
ROUNDS = 60
THREADS = 4


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(write_tiny_bundle(tmp_path_factory.mktemp("bundle")), trust=ANYONE)


@pytest.fixture(params=ON_A_CPU)
def hardware(request: pytest.FixtureRequest) -> Hardware:
    return Hardware(request.param, threads=1)


@pytest.fixture
def runtime(bundle: Bundle, hardware: Hardware) -> Runtime:
    return load_runtime(bundle, hardware, {8})


def _with_graph(bundle: Bundle, model_bytes: bytes) -> Bundle:
    return Bundle(
        **{name: getattr(bundle, name) for name in bundle.__slots__ if name != "model_bytes"}, model_bytes=model_bytes
    )


def _bound(runtime: Runtime, n_tiles: int) -> Batch:
    outputs = {"scores": np.zeros((n_tiles, 2), np.float32), "heat": np.zeros((n_tiles, 8, 8), np.float32)}
    return runtime.bind(np.zeros((n_tiles, 64, 64, 3), np.uint8), outputs)


def _drawn(n_tiles: int, seed: int = 0) -> U8:
    return np.stack([draw_tile((64, 64), 3, seed * 97 + i, spot_px=16 * (i % 2)) for i in range(n_tiles)])


def _assert_answers(batch: Batch, tiles: U8) -> None:
    scores, heat = expected_answer(tiles)
    np.testing.assert_allclose(batch.outputs[0], scores, atol=1e-4)
    np.testing.assert_allclose(batch.outputs[1], heat, atol=1e-2)


def test_it_says_what_the_graph_takes_and_gives(runtime: Runtime) -> None:
    assert runtime.inputs == [Tensor("tiles", "uint8", (None, 64, 64, 3))]
    assert {tensor.name: tensor for tensor in runtime.outputs} == {
        "scores": Tensor("scores", "float32", (None, 2)),
        "heat": Tensor("heat", "float32", (None, 8, 8)),
    }


def test_it_runs_where_it_was_asked_to(runtime: Runtime) -> None:
    runtime.assert_place()


@pytest.mark.parametrize("n_tiles", [1, 2, 7, 8, 33])
def test_a_batch_of_any_size_answers_into_the_arrays_that_it_was_given(runtime: Runtime, n_tiles: int) -> None:
    batch, tiles = _bound(runtime, n_tiles), _drawn(n_tiles)
    batch.tiles[:] = tiles

    batch.run()

    assert len(batch) == n_tiles
    _assert_answers(batch, tiles)


def test_sizes_may_take_turns(runtime: Runtime) -> None:
    batches = [_bound(runtime, n_tiles) for n_tiles in (5, 4, 1)]

    for seed in range(3):
        for batch in batches:
            batch.tiles[:] = tiles = _drawn(len(batch), seed)
            batch.run()
            _assert_answers(batch, tiles)


def test_outputs_may_be_rows_of_larger_arrays_and_the_other_rows_stay(runtime: Runtime) -> None:
    scores, heat = np.full((9, 2), -1.0, np.float32), np.full((9, 8, 8), -1.0, np.float32)
    batch = runtime.bind(_drawn(4), {"scores": scores[3:7], "heat": heat[3:7]})

    batch.run()

    _assert_answers(batch, batch.tiles)
    others = [0, 1, 2, 7, 8]
    assert (scores[others] == -1.0).all()
    assert (heat[others] == -1.0).all()
    assert np.shares_memory(batch.outputs[0], scores)


def test_the_order_of_the_outputs_is_that_in_which_they_were_given(runtime: Runtime) -> None:
    arrays: dict[str, F32] = {"heat": np.zeros((2, 8, 8), np.float32), "scores": np.zeros((2, 2), np.float32)}

    batch = runtime.bind(_drawn(2), arrays)
    batch.run()

    assert batch.outputs[0] is arrays["heat"]
    _assert_answers(runtime.bind(_drawn(2), dict(reversed(arrays.items()))), batch.tiles)


def test_buffers_that_only_the_batch_knows_stay_alive(runtime: Runtime) -> None:
    batches = [_bound(runtime, 8) for _ in range(12)]
    _ = [np.full((8, 64, 64, 3), 255, np.uint8) for _ in range(50)]  # would be given the memory of lost ones

    for seed, batch in enumerate(batches):
        batch.tiles[:] = _drawn(8, seed)
        batch.run()

    for seed, batch in enumerate(batches):
        _assert_answers(batch, _drawn(8, seed))


def test_nan_comes_out_as_nan(hardware: Hardware, tmp_path: Path) -> None:
    poisoned = load_bundle(write_tiny_bundle(tmp_path, nan_on_white=True), trust=ANYONE)
    batch = _bound(load_runtime(poisoned, hardware, {8}), 2)
    batch.tiles[0], batch.tiles[1] = _drawn(1)[0], 255

    batch.run()

    assert np.isfinite(batch.outputs[0][0]).all()
    assert np.isnan(batch.outputs[0][1, 1])


def test_twins_in_threads_answer_as_each_would_alone(runtime: Runtime) -> None:
    twins = [runtime, *(runtime.twin() for _ in range(THREADS - 1))]
    wrong: list[str] = []
    together = threading.Barrier(THREADS, timeout=30)

    def work(me: int) -> None:
        batches = [_bound(twins[me], n_tiles) for n_tiles in (5, 4)]
        together.wait()
        for turn in range(ROUNDS):
            batch = batches[turn % 2]
            batch.tiles[:] = tiles = _drawn(len(batch), me * ROUNDS + turn)
            batch.run()
            try:
                _assert_answers(batch, tiles)
            except AssertionError as error:
                wrong.append(f"thread {me}, turn {turn}: {error}")

    threads = [threading.Thread(target=work, args=(me,)) for me in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert together.n_waiting == 0
    assert not together.broken
    assert wrong == []


@pytest.mark.parametrize("damage", ["half", "path"])
def test_bytes_that_are_no_graph_are_the_bundle_s_fault(
    bundle: Bundle, hardware: Hardware, tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(bundle.model_bytes)
    what = {"half": bundle.model_bytes[: len(bundle.model_bytes) // 2], "path": str(file).encode()}

    with pytest.raises(BundleError, match=r"cannot read the bundle's graph: \S.*[^.:]\. Export it again"):
        load_runtime(_with_graph(bundle, what[damage]), hardware, {8})


def test_an_operator_that_the_library_does_not_know_is_named(bundle: Bundle, hardware: Hardware) -> None:
    graph = onnx.load_from_string(bundle.model_bytes)
    graph.graph.node[0].op_type = "NoSuchOperator"

    with pytest.raises(BundleError, match="NoSuchOperator"):
        load_runtime(_with_graph(bundle, graph.SerializeToString()), hardware, {8})


def test_an_error_names_no_place_in_the_library_s_source(bundle: Bundle, hardware: Hardware) -> None:
    with pytest.raises((BundleError, EngineError)) as caught:
        load_runtime(_with_graph(bundle, b"no graph"), hardware, {8})

    assert ".cpp" not in str(caught.value)
    assert "/" not in str(caught.value)
