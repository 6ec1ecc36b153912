"""ONNX Runtime behind the `Runtime` seam."""

from __future__ import annotations

import onnxruntime as ort

from edge_inspector.core.frame import F32, U8
from edge_inspector.infer.batch import BoundBatch
from edge_inspector.infer.providers import TensorRtProfile, assert_provider, make_session
from edge_inspector.infer.runtime import Hardware, ProviderName, Tensor

_KINDS = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
"""What ONNX Runtime calls the types that a bundle's graph may have."""


class OnnxRuntime:
    """A graph in a session of ONNX Runtime; see the `Runtime` seam.

    Args:
        model_bytes: The ONNX graph, as it was hashed; nothing is read from disk.
        hardware: Where every node must run. A node that this provider cannot run is an error, not a slow surprise.
        profile: Shapes and cache for tensorrt, which needs them; unused otherwise.

    Raises:
        EngineError: The provider is not there, cannot be loaded, or cannot run the whole model.
        BundleError: The bytes are no graph that this ONNX Runtime can read.
    """

    def __init__(self, model_bytes: bytes, hardware: Hardware, profile: TensorRtProfile | None = None) -> None:
        self._provider: ProviderName = hardware.provider
        self._session = make_session(
            model_bytes, hardware.provider, hardware.device_id, hardware.threads, profile, spin=hardware.spin
        )
        self.inputs = [_tensor(node) for node in self._session.get_inputs()]
        """What the graph takes."""
        self.outputs = [_tensor(node) for node in self._session.get_outputs()]
        """What the graph gives."""

    def assert_place(self) -> None:
        """Check that the session still runs where it was asked to; raises EngineError."""
        assert_provider(self._session, self._provider)

    def twin(self) -> OnnxRuntime:
        """Return itself: several threads may run one session at a time."""
        return self

    def bind(self, tiles: U8, outputs: dict[str, F32]) -> BoundBatch:
        """Return a batch that runs from one buffer into others; see the `Runtime` seam."""
        return BoundBatch(self._session, self.inputs[0].name, tiles, outputs)


def _tensor(node: ort.NodeArg) -> Tensor:
    shape = tuple(size if isinstance(size, int) else None for size in node.shape or [None])
    return Tensor(node.name, _KINDS.get(node.type, node.type), shape)
