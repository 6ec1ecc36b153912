"""What is wrong with a GPU is said in words a person can act on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fakes.gpu import ILLEGAL_ACCESS, NO_MEMORY, FakeGpuSession, give_session
from fakes.tiny_bundle import write_tiny_bundle

from edge_inspector.core.errors import EngineError
from edge_inspector.infer.gpu_errors import GPU_FAULTS, gpu_fault, told
from edge_inspector.infer.providers import Profile, make_session
from edge_inspector.infer.runtime import Hardware, ProviderName

_CALL = (
    "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:122 std::conditional_t<THRW, void, "
    "onnxruntime::common::Status> onnxruntime::CudaCall(ERRTYPE, const char*, const char*, SUCCTYPE, const char*, "
    "const char*, int) [with ERRTYPE = cudaError; bool THRW = true; SUCCTYPE = cudaError] "
    "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:114 onnxruntime::CudaCall(ERRTYPE, const char*) "
    "CUDA failure {number}: {words} ; GPU=-1 ; hostname=c4327188c000000 ; "
    "file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider.cc ; line=336 ; "
    "expr=cudaSetDevice(info_.device_id); \n"
)
"""As sessions raise it: onnxruntime/mobius issue 316."""


_DEVICES = (
    "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider_info.cc:63 static "
    "onnxruntime::CUDAExecutionProviderInfo onnxruntime::CUDAExecutionProviderInfo::FromProviderOptions(const "
    "onnxruntime::ProviderOptions&) [ONNXRuntimeError] : 1 : FAIL : provider_options_utils.h:187 Parse Failed to parse "
    'provider option "device_id": CUDA failure {number}: {words} ; GPU=-1 ; hostname=line-7 ; '
    "file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider_info.cc ; line=70 ; "
    "expr=cudaGetDeviceCount(&num_devices); \n"
)
"""As ONNX Runtime 1.31.1 with CUDA 13 raises it on a driver that answers so."""


def _call(number: int, words: str) -> str:
    return _CALL.format(number=number, words=words)


def _devices(number: int, words: str) -> str:
    return _DEVICES.format(number=number, words=words)


TEXTS = [
    ("driver_too_old", _call(35, "CUDA driver version is insufficient for CUDA runtime version"), "driver 580"),
    ("driver_mismatch", _call(803, "system has unsupported display driver / cuda driver combination"), "restart"),
    ("driver_too_old", _devices(35, "CUDA driver version is insufficient for CUDA runtime version"), "driver 580"),
    ("driver_mismatch", _devices(803, "system has unsupported display driver / cuda driver combination"), "restart"),
    ("no_gpu", _devices(100, "no CUDA-capable device is detected"), "gpu.conf"),
    ("no_gpu", _call(100, "no CUDA-capable device is detected"), "gpu.conf"),
    ("wrong_device_id", _call(101, "invalid device ordinal"), "model.device_id"),
    ("wrong_device_id", "Invalid device ID: 3, must be between 0 (inclusive) and 1 (exclusive).", "model.device_id"),
    ("gpu_not_served", _call(209, "no kernel image is available for execution on the device"), "compute capability"),
    ("out_of_memory", _call(2, "out of memory"), "model.chunk"),
    ("out_of_memory", NO_MEMORY, "model.chunk"),
    ("out_of_memory", "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=x ; expr=cublasCreate", "chunk"),
    ("gpu_lost", _call(999, "unknown error"), "Xid"),
    ("gpu_lost", _call(719, "unspecified launch failure"), "Xid"),
    ("gpu_lost", _call(214, "uncorrectable ECC error encountered"), "48: memory errors"),
    ("context_broken", ILLEGAL_ACCESS, "fresh process"),
    ("engine_unreadable", "TensorRT EP could not deserialize engine from cache: /var/lib/x/a.engine", "engines"),
    ("engine_not_built", "TensorRT EP failed to create engine from network for fused node: TRT_1", "workspace_mib"),
    ("engine_not_built", "[ONNXRuntimeError] : 11 : EP_FAIL : TensorRT EP Failed to Build Engine.", "workspace_mib"),
    (
        "wrong_shapes",
        "User needs to provide all the dynamic shape inputs with associated profiles if they want to explicitly set "
        "profiles through provider options.\nPlease note that main graph could be partitioned",
        "export the bundle again",
    ),
    (
        "not_whole",
        "[ONNXRuntimeError] : 1 : FAIL : This session contains graph nodes that are assigned to the default CPU EP, "
        "but fallback to CPU EP has been explicitly disabled by the user.",
        "model.provider: cpu",
    ),
    (
        "tensorrt_not_loaded",
        "/onnxruntime_src/onnxruntime/python/onnxruntime_pybind_state.cc:729 void onnxruntime::python::"
        "RegisterTensorRTPluginsAsCustomOps(PySessionOptions&, const onnxruntime::ProviderOptions&) Please install "
        "TensorRT libraries as mentioned in the GPU requirements page, make sure they're in the PATH or "
        "LD_LIBRARY_PATH, and that your GPU is supported.\n",
        "edge_inspector[tensorrt]",
    ),
    ("device_library", "CUDNN failure 5000: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0 ; hostname=x", "nvidia-smi"),
]


@pytest.mark.parametrize(("name", "text", "remedy"), TEXTS)
def test_each_text_is_known_and_comes_with_what_to_do(name: str, text: str, remedy: str) -> None:
    fault = gpu_fault(text)
    said = told(text)

    assert fault is not None
    assert fault.name == name
    assert said.startswith(fault.what)
    assert remedy in said
    assert not re.search(r"hostname|onnxruntime_src|\.cc", said), said  # no host name, no path of somebody's build


def test_every_fault_of_the_table_has_a_text_that_is_tried() -> None:
    assert {name for name, *_ in TEXTS} == {fault.name for fault in GPU_FAULTS}


def test_words_that_are_not_about_a_gpu_are_left_as_they_are() -> None:
    assert gpu_fault("Got invalid dimensions for input: tiles") is None
    assert told("Got invalid dimensions for input: tiles.\nmore") == "Got invalid dimensions for input: tiles"


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
@pytest.mark.parametrize(("name", "text", "remedy"), TEXTS)
def test_a_session_that_is_refused_says_so_before_a_part_comes(
    name: str,
    text: str,
    remedy: str,
    provider: ProviderName,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise RuntimeError(text)

    give_session(monkeypatch, refuses)

    with pytest.raises(EngineError, match=f"was to run on {provider}") as caught:
        make_session(b"", Hardware(provider), Profile("tiles", (64, 64, 3), 1, 8), tmp_path)

    assert remedy in str(caught.value)
    assert caught.value.exit_code == 70


def test_a_session_that_falls_back_to_the_processor_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Fallen(FakeGpuSession):
        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    give_session(monkeypatch, Fallen)
    graph = (write_tiny_bundle(tmp_path) / "model.onnx").read_bytes()

    with pytest.raises(EngineError, match="the session came up on CPUExecutionProvider"):
        make_session(graph, Hardware("cuda"))
