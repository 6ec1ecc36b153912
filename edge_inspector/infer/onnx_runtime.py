"""ONNX Runtime behind the `Runtime` seam."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort

from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import F32, U8
from edge_inspector.infer.batch import BoundBatch
from edge_inspector.infer.device_batch import DeviceBatch, DeviceBuffers
from edge_inspector.infer.engine_cache import EngineFolder
from edge_inspector.infer.errors import RUNTIME_ERRORS
from edge_inspector.infer.gpu_context import THIS_PROCESS, GpuContext
from edge_inspector.infer.gpu_errors import gpu_fault, told
from edge_inspector.infer.pinned import Pin, pin
from edge_inspector.infer.providers import Profile, assert_provider, make_session
from edge_inspector.infer.runtime import Batch, Hardware, Tensor

_KINDS = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
"""What ONNX Runtime calls the types that a bundle's graph may have."""

GPU_DEVICE = "cuda"
"""What ONNX Runtime calls the device of cuda and tensorrt."""


class OnnxRuntime:
    """A graph in a session of ONNX Runtime; see the `Runtime` seam.

    Args:
        model_bytes: The ONNX graph, as it was hashed; nothing is read from disk.
        hardware: Where every node must run. A node that this provider cannot run is an error, not a slow surprise.
        profile: Shapes for tensorrt, which needs them; unused otherwise.
        folder: Where tensorrt's engine lies, which needs one; unused otherwise.
        context: Of the GPU in this process.
        device: What ONNX Runtime calls the device that buffers lie on; `cpu` does the same without a GPU.
        pin: Pins the memory of tiles.

    Raises:
        EngineError: The provider is not there, cannot be loaded, or cannot run the whole model.
        BundleError: The bytes are no graph that this ONNX Runtime can read.
    """

    def __init__(
        self,
        model_bytes: bytes,
        hardware: Hardware,
        profile: Profile | None = None,
        folder: EngineFolder | None = None,
        *,
        context: GpuContext = THIS_PROCESS,
        device: str = GPU_DEVICE,
        pin: Pin = pin,
    ) -> None:
        self._hardware, self._folder = hardware, folder
        self._context, self._device, self._pin = context, device, pin
        if self._is_on_gpu:
            context.assert_sound()
        self._session = self._new_session(model_bytes, profile)
        self.inputs = [_tensor(node) for node in self._session.get_inputs()]
        """What the graph takes."""
        self.outputs = [_tensor(node) for node in self._session.get_outputs()]
        """What the graph gives."""
        if folder is not None and profile is not None:
            self._warm(profile)
            folder.seal()
        self._buffers: dict[int, DeviceBuffers] = {}
        """By the address of the tiles that are uploaded: one set for each size of chunk of each thread."""

    @property
    def _is_on_gpu(self) -> bool:
        return self._hardware.provider != "cpu"

    def assert_place(self) -> None:
        """Check that the session still runs where it was asked to, on a sound GPU; raises EngineError."""
        if self._is_on_gpu:
            self._context.assert_sound()
        assert_provider(self._session, self._hardware.provider)

    def twin(self) -> OnnxRuntime:
        """Return itself: several threads may run one session at a time."""
        return self

    def assert_settled(self) -> None:
        """Check that tensorrt has built nothing since its engine was proven; raises EngineError."""
        if self._folder is not None:
            self._folder.settle()

    def bind(self, tiles: U8, outputs: dict[str, F32]) -> Batch:
        """Return a batch that runs from one buffer into others; see the `Runtime` seam.

        Raises:
            EngineError: The GPU has no room for its buffers.
        """
        name = self.inputs[0].name
        if not self._is_on_gpu:
            return BoundBatch(self._session, name, tiles, outputs)
        if (address := tiles.ctypes.data) not in self._buffers:
            shapes = {output: array.shape for output, array in outputs.items()}
            try:
                self._buffers[address] = DeviceBuffers(
                    self._session, name, tiles, shapes, self._device, self._hardware.device_id, self._pin
                )
            except RUNTIME_ERRORS as error:
                self._context.fail(why := told(str(error)))
                raise EngineError(f"no buffers for {len(tiles)} tiles on {self._hardware.provider}: {why}") from error
        return DeviceBatch(self._buffers[address], outputs, self._context)

    def _new_session(self, model_bytes: bytes, profile: Profile | None) -> ort.InferenceSession:
        folder = self._folder
        if folder is None:
            return make_session(model_bytes, self._hardware, profile)
        folder.open()
        try:
            return make_session(model_bytes, self._hardware, profile, folder.path)
        except EngineError as error:
            fault = gpu_fault(str(error))
            if folder.is_building or fault is None or fault.name != "engine_unreadable":
                raise
            folder.distrust("TensorRT could not read it")
        return make_session(model_bytes, self._hardware, profile, folder.path)

    def _warm(self, profile: Profile) -> None:
        """Run the smallest and the largest input once, so that whatever is built for them is built now."""
        for n_tiles in sorted({profile.smallest, profile.largest}):
            tiles = np.zeros((n_tiles, *profile.tile_hwc), np.uint8)
            try:
                self._session.run(None, {profile.input_name: tiles})
            except RUNTIME_ERRORS as error:
                self._context.fail(why := told(str(error)))
                raise EngineError(f"the first run of {n_tiles} tiles on tensorrt failed: {why}") from error


def _tensor(node: ort.NodeArg) -> Tensor:
    shape = tuple(size if isinstance(size, int) else None for size in node.shape or [None])
    return Tensor(node.name, _KINDS.get(node.type, node.type), shape)
