"""ONNX Runtime sessions that run where they were asked to run, or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort
from onnxruntime.capi import build_and_package_info
from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

from edge_inspector.core.errors import BundleError, EngineError
from edge_inspector.infer.errors import RUNTIME_ERRORS, first_line
from edge_inspector.infer.gpu_errors import gpu_fault, told
from edge_inspector.infer.gpu_libraries import load_libraries
from edge_inspector.infer.runtime import Hardware, ProviderName

PROVIDER_CLASSES: dict[ProviderName, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
"""What ONNX Runtime calls each `model.provider` of the configuration that it serves."""

_UNREADABLE = (ort_state.InvalidGraph, ort_state.InvalidProtobuf, ort_state.NoModel, ort_state.NotImplemented)
"""The graph's own fault, on whatever hardware."""

_FATAL = 4  # ONNX Runtime's severities: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal


@dataclass(frozen=True, slots=True)
class Profile:
    """What TensorRT must know before it compiles the model; a shape outside it would recompile for minutes mid-run."""

    input_name: str
    tile_hwc: tuple[int, int, int]
    smallest: int
    """Fewest tiles of one call."""
    largest: int
    """Most tiles of one call; engines are tuned for this number."""
    is_int8: bool = False
    """The graph is quantised."""

    def shapes(self) -> tuple[str, str]:
        """Return the smallest and the largest input as TensorRT's options want them: `tiles:1x256x256x3`."""
        height, width, channels = self.tile_hwc
        small, large = (f"{self.input_name}:{n}x{height}x{width}x{channels}" for n in (self.smallest, self.largest))
        return small, large


def make_session(
    model_bytes: bytes, hardware: Hardware, profile: Profile | None = None, engines: Path | None = None
) -> ort.InferenceSession:
    """Make a session that runs wholly on one provider.

    Args:
        model_bytes: The ONNX graph, as it was hashed; nothing is read from disk.
        hardware: Where every node must run. A node that this provider cannot run is an error, not a slow surprise.
        profile: For tensorrt, which needs it; unused otherwise.
        engines: Folder of tensorrt's compiled engine for this very graph and GPU; the same.

    Raises:
        EngineError: The provider is not there, cannot be loaded, or cannot run the whole model.
        BundleError: The bytes are no graph that this ONNX Runtime can read.
    """
    provider = hardware.provider
    ort.set_default_logger_severity(_FATAL)  # a library that cannot be loaded is printed by the default logger
    ort.disable_telemetry_events()
    missing = load_libraries(provider)
    if (name := PROVIDER_CLASSES[provider]) not in ort.get_available_providers():
        raise EngineError(_refusal(provider, "this ONNX Runtime was built without it", missing))
    options, own = _session_options(hardware), provider_options(hardware, profile, engines)
    try:
        # Without enable_fallback=0 the constructor itself retries on the CPU.
        session = ort.InferenceSession(model_bytes, options, [(name, own)], enable_fallback=0)
    except _UNREADABLE as error:
        raise BundleError(
            f"ONNX Runtime {ort.__version__} cannot read the bundle's graph: {first_line(error)}. "
            "Export it again, or take the bundle from where it was verified"
        ) from error
    except RUNTIME_ERRORS as error:
        raise EngineError(_refusal(provider, str(error), missing)) from error
    session.disable_fallback()
    assert_provider(session, provider, missing)
    return session


def assert_provider(session: ort.InferenceSession, provider: ProviderName, missing: tuple[str, ...] = ()) -> None:
    """Check that a session still runs where it was asked to; cheap, for asking again after every error.

    Raises:
        EngineError: It runs elsewhere.
    """
    came = session.get_providers()
    if not came or came[0] != PROVIDER_CLASSES[provider]:
        raise EngineError(_refusal(provider, f"the session came up on {', '.join(came) or 'nothing'}", missing))


def built_for_cuda() -> str:
    """Return the CUDA version that this ONNX Runtime was built for, such as `13.0`; empty for none."""
    return str(getattr(build_and_package_info, "cuda_version", ""))


def usable_cores() -> int:
    """Return the number of cores this process may use: its affinity, not the machine's size."""
    return len(os.sched_getaffinity(0))


def _session_options(hardware: Hardware) -> ort.SessionOptions:
    options = ort.SessionOptions()
    # A lower level costs 1.4 to 3.6 times the time on a CPU: the fast convolution layout comes with ALL only.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = hardware.threads or usable_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL  # every error comes back as an exception and is told once, from there
    # Spinning threads take the cores that capture and publishing need: half the throughput with two busy sessions.
    # On cores of its own it saves a wake-up of each thread for each operator; between parts nobody turns.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if hardware.spin else "0")
    if hardware.spin:
        options.add_session_config_entry("session.force_spinning_stop", "1")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if hardware.provider != "cpu":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return options


def provider_options(hardware: Hardware, profile: Profile | None, engines: Path | None) -> dict[str, str]:
    """Return a provider's own options."""
    if hardware.provider == "cpu":
        return {}
    if hardware.provider == "cuda":
        # TF32 keeps 10 bits of mantissa: golden tiles made in float32 would differ for no defect of the model.
        return {"device_id": str(hardware.device_id), "use_tf32": "0"}
    if profile is None or engines is None:
        raise ValueError("tensorrt needs a profile: the shapes to compile for and the folder of compiled engines")
    small, large = profile.shapes()
    how = hardware.tensorrt
    options = {
        "device_id": str(hardware.device_id),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(engines),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(engines),
        "trt_profile_min_shapes": small,
        "trt_profile_opt_shapes": large,
        "trt_profile_max_shapes": large,
        "trt_builder_optimization_level": str(how.builder_level),
        "trt_fp16_enable": "1" if how.half else "0",
        # A quantised graph brings its own scales; without this TensorRT refuses them.
        "trt_int8_enable": "1" if profile.is_int8 else "0",
    }
    if how.workspace_mib is not None:
        options["trt_max_workspace_size"] = str(how.workspace_mib << 20)
    return options


def _refusal(provider: ProviderName, why: str, missing: tuple[str, ...]) -> str:
    """Return why a provider refuses: by the library's own words where they say it, else by the libraries missing."""
    said = f"the model was to run on {provider} ({PROVIDER_CLASSES[provider]}), but"
    fault = gpu_fault(why)
    if missing and (fault is None or fault.name in ("not_whole", "tensorrt_not_loaded")):
        return f"{said} {'; '.join(missing)}. Or set model.provider: cpu"
    if fault is not None:
        return f"{said} {told(why)}. Or set model.provider: cpu"
    built = ", ".join(ort.get_available_providers())
    step = "Check that the bundle was exported for this version, and that memory is free"
    if provider != "cpu":
        step = "Check the driver with nvidia-smi; or set model.provider: cpu"
    return f"{said} {told(why)}; ONNX Runtime {ort.__version__} here was built for {built}. {step}"
