"""From a bundle and a place to a loaded graph."""

from __future__ import annotations

import re
from importlib import metadata

from edge_inspector.bundle.load import Bundle
from edge_inspector.core.errors import EngineError
from edge_inspector.infer.onnx_runtime import OnnxRuntime
from edge_inspector.infer.providers import TensorRtProfile
from edge_inspector.infer.runtime import Hardware, Runtime

OPENVINO = (2026, 4)
"""The oldest that is known to work; the extra `openvino` names the same."""


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
    if hardware.provider == "openvino":
        return _openvino(bundle.model_bytes, hardware)
    profile = None
    if hardware.cache_dir is not None:
        manifest = bundle.manifest
        profile = TensorRtProfile(manifest.input_name, manifest.tile_hwc, largest_chunk, hardware.cache_dir)
    return OnnxRuntime(bundle.model_bytes, hardware, profile)


def _openvino(model_bytes: bytes, hardware: Hardware) -> Runtime:
    """Import OpenVINO, which only a line that asks for it needs, and load the graph with it."""
    wanted = ".".join(map(str, OPENVINO))
    repair = "pip install 'edge_inspector[openvino]', or set model.provider: cpu"
    try:
        version = metadata.version("openvino")
    except metadata.PackageNotFoundError as error:
        raise EngineError(
            f"the model was to run on openvino, but the package openvino ({wanted} or newer) is not installed: {repair}"
        ) from error
    if tuple(int(digits) for digits in re.findall(r"\d+", version)[:2]) < OPENVINO:
        raise EngineError(f"the model was to run on openvino, but openvino {version} is older than {wanted}: {repair}")
    try:
        from edge_inspector.infer.open_vino import OpenVinoRuntime
    except ImportError as error:
        raise EngineError(f"openvino {version} is installed, but cannot be loaded: {error}. {repair}") from error
    return OpenVinoRuntime(model_bytes, hardware)
