"""Sessions run where they were asked to, or not at all."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import onnxruntime as ort
import pytest
from fakes.tiny_bundle import write_tiny_bundle

from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import BundleError, EngineError
from edge_inspector.infer.providers import (
    PROVIDER_CLASSES,
    Profile,
    assert_provider,
    built_for_cuda,
    make_session,
    usable_cores,
)
from edge_inspector.infer.runtime import Hardware, ProviderName, TensorRtOptions

PROFILE = Profile("tiles", (64, 64, 3), smallest=4, largest=8)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return load_bundle(write_tiny_bundle(tmp_path_factory.mktemp("bundle")), trust=ANYONE).model_bytes


class _Recorder:
    """Stands for a session on a GPU: keeps what it was asked for."""

    def __init__(self, graph: bytes, options: ort.SessionOptions, providers: list, enable_fallback: int) -> None:
        self.options, self.providers, self.fallbacks = options, providers, [enable_fallback]

    def get_providers(self) -> list[str]:
        return [self.providers[0][0], "CPUExecutionProvider"]

    def disable_fallback(self) -> None:
        self.fallbacks.append(0)


def _without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a machine with a GPU these tests still ask what happens without one.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_gpu_that_is_not_there_is_refused_with_what_to_do(
    graph: bytes, tmp_path: Path, provider: ProviderName, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_gpu(monkeypatch)

    with pytest.raises(EngineError) as caught:
        make_session(graph, Hardware(provider), PROFILE, tmp_path)

    message = str(caught.value)
    assert f"was to run on {provider}" in message
    assert "nvidia-smi" in message
    assert "model.provider: cpu" in message
    assert "/" not in message.replace("edge-inspector", "")  # no path of this machine or of somebody's build


@pytest.mark.parametrize(("before", "after"), [(None, "PCI_BUS_ID"), ("FASTEST_FIRST", "FASTEST_FIRST")])
def test_cuda_counts_gpus_as_people_do_unless_they_say_otherwise(
    graph: bytes, monkeypatch: pytest.MonkeyPatch, before: str | None, after: str
) -> None:
    _without_gpu(monkeypatch)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", before or "")  # so that it is put back
    if before is None:
        monkeypatch.delenv("CUDA_DEVICE_ORDER")

    with pytest.raises(EngineError):
        make_session(graph, Hardware("cuda"))

    assert os.environ["CUDA_DEVICE_ORDER"] == after


def test_the_runtime_says_which_cuda_it_was_built_for() -> None:
    assert re.fullmatch(r"(\d+\.\d+)?", built_for_cuda())


def test_a_refusal_prints_nothing_beside_the_error(
    graph: bytes, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_gpu(monkeypatch)

    with pytest.raises(EngineError):
        make_session(graph, Hardware("cuda"))

    assert capfd.readouterr() == ("", "")


def test_a_session_that_came_up_elsewhere_is_named(graph: bytes) -> None:
    session = make_session(graph, Hardware(threads=1))

    with pytest.raises(EngineError, match=r"run on cuda .* the session came up on CPUExecutionProvider"):
        assert_provider(session, "cuda")


def test_a_cpu_session_has_its_own_threads_that_do_not_spin(graph: bytes) -> None:
    session = make_session(graph, Hardware(threads=3))

    options = session.get_session_options()
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert options.intra_op_num_threads == 3
    assert options.inter_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_ALL


def test_threads_that_may_spin_stop_when_the_inference_has_ended(graph: bytes) -> None:
    options = make_session(graph, Hardware(threads=2, spin=True)).get_session_options()

    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "1"
    assert options.get_session_config_entry("session.force_spinning_stop") == "1"


def test_threads_left_open_are_the_cores_this_process_may_use(graph: bytes) -> None:
    session = make_session(graph, Hardware())

    assert session.get_session_options().intra_op_num_threads == usable_cores()


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_gpu_session_may_give_no_node_to_the_cpu(
    tmp_path: Path, provider: ProviderName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ort, "InferenceSession", _Recorder)

    session = make_session(b"", Hardware(provider, 1), PROFILE, tmp_path)

    assert [name for name, _ in session.providers] == [PROVIDER_CLASSES[provider]]
    assert session.providers[0][1]["device_id"] == "1"
    assert session.options.get_session_config_entry("session.disable_cpu_ep_fallback") == "1"
    assert session.fallbacks == [0, 0]


def _tensorrt_options(
    monkeypatch: pytest.MonkeyPatch, folder: Path, how: TensorRtOptions, profile: Profile = PROFILE
) -> dict[str, str]:
    monkeypatch.setattr(ort, "InferenceSession", _Recorder)
    options: dict[str, str] = make_session(b"", Hardware("tensorrt", tensorrt=how), profile, folder).providers[0][1]
    return options


def test_tensorrt_compiles_for_every_chunk_that_will_come(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = _tensorrt_options(monkeypatch, tmp_path, TensorRtOptions())

    assert options["trt_profile_min_shapes"] == "tiles:4x64x64x3"
    assert options["trt_profile_opt_shapes"] == options["trt_profile_max_shapes"] == "tiles:8x64x64x3"
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == str(tmp_path)
    assert (options["trt_fp16_enable"], options["trt_int8_enable"]) == ("0", "0")
    assert "trt_max_workspace_size" not in options


def test_tensorrt_is_told_of_precision_effort_and_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    half = _tensorrt_options(monkeypatch, tmp_path, TensorRtOptions(True, 5, 2048))
    quantised = _tensorrt_options(monkeypatch, tmp_path, TensorRtOptions(), replace(PROFILE, is_int8=True))

    assert (half["trt_fp16_enable"], half["trt_builder_optimization_level"]) == ("1", "5")
    assert half["trt_max_workspace_size"] == str(2048 * 1024 * 1024)
    assert (quantised["trt_fp16_enable"], quantised["trt_int8_enable"]) == ("0", "1")


def test_onnx_runtime_knows_every_option_of_tensorrt_that_it_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library = Path(ort.__file__).parent / "capi" / "libonnxruntime_providers_tensorrt.so"
    options = _tensorrt_options(monkeypatch, tmp_path, TensorRtOptions(True, 5, 2048))

    known = library.read_bytes()

    assert [name for name in options if name.encode() not in known] == []


def test_bytes_that_are_no_graph_are_the_bundles_fault(graph: bytes) -> None:
    with pytest.raises(BundleError, match="cannot read the bundle's graph"):
        make_session(graph[: len(graph) // 2], Hardware())


def test_tensorrt_without_its_shapes_is_a_mistake(graph: bytes) -> None:
    with pytest.raises(ValueError, match="tensorrt needs a profile"):
        make_session(graph, Hardware("tensorrt"))
