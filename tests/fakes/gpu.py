"""A GPU that is this computer's own processor: sessions that say they run on one, and that fail as real ones do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from edge_inspector.core.frame import U8
from edge_inspector.infer import load, onnx_runtime, providers
from edge_inspector.infer.gpu_context import GpuContext
from edge_inspector.infer.gpu_facts import GpuFacts

_SESSION = ort.InferenceSession
"""The real one: tests put a fake in its place."""

FACTS = GpuFacts("10.16.1", "580.65.06", "NVIDIA RTX A2000", "8.6", "5f8b0f0e-0000-4000-8000-000000000001")

ILLEGAL_ACCESS = (
    "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; "
    "hostname=line-7 ; file=/onnxruntime_src/onnxruntime/core/providers/cuda/gpu_data_transfer.cc ; line=63 ; "
    "expr=cudaMemcpyAsync(dst_data, src_data, bytes, cudaMemcpyHostToDevice);"
)
NO_MEMORY = (
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Conv node. "
    "Name:'/conv1/Conv' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* "
    "onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*, bool, "
    "onnxruntime::WaitNotificationFn) Failed to allocate memory for requested buffer of size 458549052"
)


class FakeGpuSession:
    """A session on the CPU that says it runs on what was asked for, and fails when its script says so.

    After a failure it goes on and answers: what a broken context may do.
    """

    def __init__(
        self,
        graph: bytes,
        options: ort.SessionOptions,
        providers: Sequence[tuple[str, dict[str, str]]],
        enable_fallback: int,
    ) -> None:
        self.asked, self.own = providers[0]
        cpu = ort.SessionOptions()
        cpu.intra_op_num_threads, cpu.log_severity_level = 1, 4
        self._session = _SESSION(graph, cpu, ["CPUExecutionProvider"])
        self.failures: list[str] = []
        """Texts that the next runs raise."""
        self.runs = 0

    def get_providers(self) -> list[str]:
        return [self.asked, "CPUExecutionProvider"]

    def disable_fallback(self) -> None: ...

    def get_inputs(self) -> list[ort.NodeArg]:
        return list(self._session.get_inputs())

    def get_outputs(self) -> list[ort.NodeArg]:
        return list(self._session.get_outputs())

    def io_binding(self) -> ort.IOBinding:
        return self._session.io_binding()

    def run(self, names: list[str] | None, feed: dict[str, U8]) -> list[np.ndarray]:
        return list(self._session.run(names, feed))

    def run_with_iobinding(self, binding: ort.IOBinding) -> None:
        self.runs += 1
        if self.failures:
            raise RuntimeError(self.failures.pop(0))
        self._session.run_with_iobinding(binding)


class EngineWriter(FakeGpuSession):
    """The same, writing and reading engine files as TensorRT does."""

    builds: list[str]
    """Folders in which an engine was built; of the class that `give_gpu` makes."""

    def __init__(
        self,
        graph: bytes,
        options: ort.SessionOptions,
        providers: Sequence[tuple[str, dict[str, str]]],
        enable_fallback: int,
    ) -> None:
        super().__init__(graph, options, providers, enable_fallback)
        self.folder = Path(self.own["trt_engine_cache_path"])
        self.engine = self.folder / "TensorrtExecutionProvider_TRTKernel_graph_0_0_sm86.engine"
        if not self.engine.exists():
            self.build()
        elif self.engine.read_bytes().startswith(b"unreadable"):
            raise RuntimeError(f"TensorRT EP could not deserialize engine from cache: {self.engine}")

    def build(self) -> None:
        """Write an engine, what belongs to it, and the times that were measured for it."""
        self.engine.write_bytes(b"an engine for " + self.own["trt_profile_max_shapes"].encode())
        self.engine.with_suffix(".profile").write_bytes(self.own["trt_profile_min_shapes"].encode())
        (self.folder / "TensorrtExecutionProvider_cache_sm86.timing").write_bytes(b"times")
        self.builds.append(self.folder.name)


def give_gpu(monkeypatch: pytest.MonkeyPatch, session: type = FakeGpuSession) -> GpuContext:
    """Let the program find a GPU with all libraries; returns its context, a new one."""
    context = GpuContext()
    real = onnx_runtime.OnnxRuntime

    def runtime(*arguments: object, **named: object) -> object:
        return real(*arguments, **named, context=context, device="cpu", pin=lambda _: False)  # type: ignore[arg-type]

    monkeypatch.setattr(load, "OnnxRuntime", runtime)
    give_session(monkeypatch, session)
    return context


def give_session(monkeypatch: pytest.MonkeyPatch, make: Callable[..., object]) -> None:
    """Let ONNX Runtime make these sessions, on whatever provider, with no library missing."""
    monkeypatch.setattr(providers, "load_libraries", lambda _: ())
    monkeypatch.setattr(ort, "InferenceSession", make)
