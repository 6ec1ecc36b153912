"""From a bundle and a place to a loaded graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from importlib import metadata

import onnxruntime as ort

from edge_inspector.bundle.load import Bundle
from edge_inspector.core.errors import EngineError
from edge_inspector.infer.engine_cache import EngineFolder
from edge_inspector.infer.engine_key import engine_key
from edge_inspector.infer.gpu_facts import GpuFacts, read_facts
from edge_inspector.infer.onnx_runtime import OnnxRuntime
from edge_inspector.infer.providers import Profile
from edge_inspector.infer.runtime import Hardware, Runtime, TellBuild

OPENVINO = (2026, 4)
"""The oldest that is known to work; the extra `openvino` names the same."""


def load_runtime(
    bundle: Bundle,
    hardware: Hardware,
    sizes: Collection[int],
    tell: TellBuild = lambda _: None,
    facts: Callable[[int], GpuFacts] = read_facts,
) -> Runtime:
    """Load a bundle's graph where it is to run.

    Args:
        bundle: Its graph is loaded from the bytes that were hashed.
        hardware: Where, and with what.
        sizes: Every number of tiles that one call may have.
        tell: Called before a compiled engine is built and after it.
        facts: What an engine depends on besides the model, for a device id.

    Raises:
        EngineError: It cannot run there.
        BundleError: The bytes are no graph that the library can read.
    """
    if hardware.provider == "openvino":
        return _openvino(bundle.model_bytes, hardware)
    if hardware.provider != "tensorrt":
        return OnnxRuntime(bundle.model_bytes, hardware)
    if hardware.cache_dir is None:
        raise ValueError("tensorrt needs a folder for compiled engines")
    manifest = bundle.manifest
    is_int8 = bundle.precision == "int8"
    profile = Profile(manifest.input_name, manifest.tile_hwc, min(sizes), max(sizes), is_int8)
    here = facts(hardware.device_id)
    key = engine_key(bundle.model_sha256, ort.__version__, here, profile, hardware.tensorrt, hardware.device_id)
    folder = EngineFolder(hardware.cache_dir, key, bundle.label, tell)
    return OnnxRuntime(bundle.model_bytes, hardware, profile, folder)


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
