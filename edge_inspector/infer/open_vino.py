"""OpenVINO behind the `Runtime` seam: the bundle's ONNX graph, on the CPU alone."""

from __future__ import annotations

import mmap
import re

import numpy as np
import openvino as ov

from edge_inspector.core.errors import BundleError, EngineError
from edge_inspector.core.frame import F32, U8
from edge_inspector.infer.providers import usable_cores
from edge_inspector.infer.runtime import Hardware, RunFailed, Tensor

_ERRORS = (RuntimeError, ValueError, IndexError, MemoryError)
"""What its C++ exceptions become."""
_KINDS = {"u8": "uint8", "f32": "float32"}
"""What OpenVINO calls the types that a bundle's graph may have."""
_UNWRITTEN = 0x7FC0DEAD
"""A NaN, as bits, that no arithmetic makes: what an output holds until an answer is written."""
_INSTEAD = "or set model.provider: cpu"


class OpenVinoRuntime:
    """A graph compiled by OpenVINO; see the `Runtime` seam.

    Compiled once for any number of tiles: for each size of its own it was as fast within the measurement, and each
    cost half a second and 60 MB more.

    Args:
        model_bytes: The ONNX graph, as it was hashed; nothing is read from disk.
        hardware: Its provider is openvino; threads count.

    Raises:
        EngineError: This process may not make code, or OpenVINO cannot run the model on this CPU.
        BundleError: The bytes are no graph that this OpenVINO can read.
    """

    def __init__(self, model_bytes: bytes, hardware: Hardware) -> None:
        if not _may_make_code():
            raise EngineError(
                "the model was to run on openvino, which makes code while it loads a model, and this process may not: "
                "memory that is both written and executed is refused. Install the drop-in openvino.conf for the "
                f"service (it sets MemoryDenyWriteExecute=no), {_INSTEAD}"
            )
        self._model_bytes, self._hardware = model_bytes, hardware
        core = ov.Core()
        try:
            model = core.read_model(model_bytes)
        except _ERRORS as error:
            raise BundleError(
                f"OpenVINO {_version()} cannot read the bundle's graph: {_told(error)}. Export it again, or take the "
                f"bundle from where it was verified, {_INSTEAD}"
            ) from error
        self.inputs = [_tensor(port.node.friendly_name, port) for port in model.inputs]
        """What the graph takes."""
        # A tensor may have several names, of which one is the graph's.
        self.outputs = [_tensor(name, port) for port in model.outputs for name in sorted(port.names)]
        """What the graph gives, once for each name."""
        try:
            self._compiled = core.compile_model(model, "CPU", _properties(hardware.threads))
        except _ERRORS as error:
            raise EngineError(
                f"the model was to run on openvino, but OpenVINO {_version()} cannot compile it for this CPU: "
                f"{_told(error)}. See that memory is free, {_INSTEAD}"
            ) from error
        self.assert_place()

    def assert_place(self) -> None:
        """Check that it runs on the CPU and computes in float32 where the graph does; raises EngineError."""
        devices = list(self._compiled.get_property("EXECUTION_DEVICES"))
        computes = self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if devices != ["CPU"] or computes != "f32":
            raise EngineError(
                f"the model was to run on openvino (CPU, f32), but it came up on {', '.join(devices) or 'nothing'}, "
                f"{computes}; OpenVINO here is {_version()}. Install the version that edge_inspector[openvino] names, "
                f"{_INSTEAD}"
            )

    def assert_settled(self) -> None:
        """Do nothing: each thread's graph is compiled when it is loaded, and its code is made by the golden tiles."""

    def twin(self) -> OpenVinoRuntime:
        """Return the same graph compiled for one more thread: calls of one compiled graph wait for each other.

        A compiled graph with several streams would leave it to chance which of them a batch meets, and the first
        batch on each is when its code is made. So each thread proves its own.
        """
        return OpenVinoRuntime(self._model_bytes, self._hardware)

    def bind(self, tiles: U8, outputs: dict[str, F32]) -> OpenVinoBatch:
        """Return a batch that runs from one buffer into others; see the `Runtime` seam."""
        return OpenVinoBatch(self._compiled, tiles, outputs)


class OpenVinoBatch:
    """Runs a compiled graph from one buffer into others, without a copy. Used from one thread.

    Args:
        compiled: Takes one input and gives the outputs below.
        tiles: Shape (n, h, w, c), C-contiguous; filled by the caller before each run.
        outputs: Graph output name to the array it is written to, float32, first dimension n, C-contiguous.
    """

    def __init__(self, compiled: ov.CompiledModel, tiles: U8, outputs: dict[str, F32]) -> None:
        # OpenVINO keeps addresses, no references: `self` keeps the arrays alive.
        self.tiles = tiles
        self.outputs = tuple(outputs.values())
        """In the order they were given."""
        self._bits = [array.view(np.uint32) for array in self.outputs]
        self._request = compiled.create_infer_request()
        self._request.set_input_tensor(ov.Tensor(tiles, shared_memory=True))
        for name, array in outputs.items():
            self._request.set_tensor(name, ov.Tensor(array, shared_memory=True))

    def __len__(self) -> int:
        """Return the number of tiles of one run."""
        return len(self.tiles)

    def run(self, heat_from: float = 0.0) -> None:  # noqa: ARG002 - heat is written in place, so it costs nothing
        """Score what is in `tiles`; raises RunFailed."""
        for bits in self._bits:
            bits.fill(_UNWRITTEN)
        try:
            self._request.infer(share_outputs=True)
        except _ERRORS as error:
            raise RunFailed(_told(error)) from error
        # With one thread OpenVINO 2026.4.1 loses what a layer raises, and returns as if all were well.
        if any((bits == _UNWRITTEN).any() for bits in self._bits):
            raise RunFailed("it returned without an error and without an answer")


def _properties(threads: int | None) -> dict[str, str | int | bool]:
    return {
        # On CPUs that have it OpenVINO would compute in bfloat16 by itself, which the golden tiles were not made with.
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": threads or usable_cores(),
        # Pinned, every process and every worker would sit on the first cores. Which cores count is performance.cores.
        "ENABLE_CPU_PINNING": False,
    }


def _may_make_code() -> bool:
    """Return whether this process may have memory that is both written and executed; a service may be refused it."""
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except OSError:
        return False
    return True


def _version() -> str:
    return str(ov.__version__).split("-")[0]


def _tensor(name: str, port: ov.Output) -> Tensor:
    shape = tuple(None if size.is_dynamic else size.get_length() for size in port.partial_shape)
    kind = port.element_type.get_type_name()
    return Tensor(name, _KINDS.get(kind, kind), shape)


def _told(error: Exception) -> str:
    """Return what of an error a person should read: without where in OpenVINO's source it came from."""
    text = re.sub(r"Exception from \S+:\d+:|Check '.*?' failed at \S+:\d+:|\bSummary:|.*https://.*", "", str(error))
    lines = [line.strip(" .:-") for line in text.splitlines()]
    return "; ".join([line for line in lines if line][:3]) or type(error).__name__
