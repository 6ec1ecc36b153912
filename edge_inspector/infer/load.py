"""From a bundle and a place to a loaded graph."""

from __future__ import annotations

from edge_inspector.bundle.load import Bundle
from edge_inspector.infer.onnx_runtime import OnnxRuntime
from edge_inspector.infer.providers import TensorRtProfile
from edge_inspector.infer.runtime import Hardware, Runtime


def load_runtime(bundle: Bundle, hardware: Hardware, largest_chunk: int) -> Runtime:
    """Load a bundle's graph where it is to run.

    Args:
        bundle: Its graph is loaded from the bytes that were hashed.
        hardware: Where, and with what.
        largest_chunk: Most tiles of one call.

    Raises:
        EngineError: It cannot run there.
        BundleError: The bytes are no graph that the library can read.
    """
    profile = None
    if hardware.cache_dir is not None:
        manifest = bundle.manifest
        profile = TensorRtProfile(manifest.input_name, manifest.tile_hwc, largest_chunk, hardware.cache_dir)
    return OnnxRuntime(bundle.model_bytes, hardware, profile)
