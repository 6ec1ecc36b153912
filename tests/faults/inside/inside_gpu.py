"""A stand-in for a GPU inside the inspect process: this computer's processor, failing as CUDA does."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import Any

TEXTS = {
    "700": "CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=x ; expr=cudaMemcpy",
    "999": "CUDA failure 999: unknown error ; GPU=0 ; hostname=line-7 ; expr=cudaStreamSynchronize(stream)",
    "memory": "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Conv node. "
    "Name:'/c/Conv' Status Message: Failed to allocate memory for requested buffer of size 458549052",
}


def give_gpu(session: type) -> None:
    """Let the program find a GPU with all libraries, whose sessions are of a class."""
    import onnxruntime as ort

    from edge_inspector.infer import gpu_facts, load, providers
    from edge_inspector.infer.onnx_runtime import OnnxRuntime
    from edge_inspector.infer.pinned import no_pin

    facts = gpu_facts.GpuFacts("10.16.1", "580.65.06", "NVIDIA RTX A2000", "8.6", "a-card")
    providers.load_libraries = lambda *_: ()  # type: ignore[assignment]
    load.OnnxRuntime = partial(OnnxRuntime, device="cpu", pin=no_pin)  # type: ignore[misc, assignment]
    load.load_runtime.__defaults__ = (*(load.load_runtime.__defaults__ or ())[:-1], lambda _: facts)
    ort.InferenceSession = session  # type: ignore[misc]


def gpu_session() -> type:
    """Return the class of sessions that say they run on what was asked for."""
    import onnxruntime as ort

    real = ort.InferenceSession

    class GpuSession:
        def __init__(self, graph: bytes, options: Any, providers: Any, enable_fallback: int) -> None:
            self.asked, self.own = providers[0]
            cpu = ort.SessionOptions()
            cpu.intra_op_num_threads = 1
            self._session = real(graph, cpu, ["CPUExecutionProvider"])

        def __getattr__(self, name: str) -> Any:
            return getattr(self._session, name)

        def get_providers(self) -> list[str]:
            return [self.asked]

        def disable_fallback(self) -> None: ...

    return GpuSession


def broken_gpu() -> None:
    """The next run fails; from then on the GPU answers golden tiles rightly, and calls all else good.

    The worst that a broken context may do: it proves itself, and lies.
    """
    import numpy as np

    from edge_inspector.infer.engine import OnnxEngine

    switch, is_proof = Path(os.environ["FAULT_SWITCH"]), [False]
    verify = OnnxEngine.verify

    def noted(self: OnnxEngine) -> None:
        is_proof[0] = True
        try:
            verify(self)
        finally:
            is_proof[0] = False

    OnnxEngine.verify = noted  # type: ignore[method-assign]

    class Broken(gpu_session()):  # type: ignore[misc]
        is_broken = False

        def run_with_iobinding(self, binding: Any) -> None:
            if switch.exists():
                text = TEXTS[switch.read_text()]
                switch.unlink()  # once: the fresh process has a sound GPU
                Broken.is_broken = True
                raise RuntimeError(text)
            self._session.run_with_iobinding(binding)
            if Broken.is_broken and not is_proof[0]:
                scores = binding.get_outputs()[0]
                scores.update_inplace(np.tile(np.float32([1.0, 0.0]), (scores.shape()[0], 1)))

    give_gpu(Broken)


def compiling_gpu() -> None:
    """TensorRT compiles for as long as the switch is there, then writes an engine; it finds it again the next time."""
    switch = Path(os.environ["FAULT_SWITCH"])

    class Compiling(gpu_session()):  # type: ignore[misc]
        def __init__(self, graph: bytes, options: Any, providers: Any, enable_fallback: int) -> None:
            super().__init__(graph, options, providers, enable_fallback)
            engine = Path(self.own["trt_engine_cache_path"]) / "graph_sm86.engine"
            if engine.exists():
                return
            while switch.exists():
                time.sleep(0.02)
            engine.write_bytes(b"an engine")

    give_gpu(Compiling)
