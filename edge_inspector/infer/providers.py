"""ONNX Runtime sessions that run where they were asked to run, or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

from edge_inspector.core.errors import BundleError, EngineError
from edge_inspector.infer.errors import RUNTIME_ERRORS, first_line
from edge_inspector.infer.runtime import ProviderName

PROVIDER_CLASSES: dict[ProviderName, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
"""What ONNX Runtime calls each `model.provider` of the configuration that it serves."""

_UNREADABLE = (ort_state.InvalidGraph, ort_state.InvalidProtobuf, ort_state.NoModel, ort_state.NotImplemented)
"""The graph's own fault, on whatever hardware."""

_FATAL = 4  # ONNX Runtime's severities: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal
_LIBRARY = re.compile(r"Failed to load (?:\S*/)?(\S+?):")


@dataclass(frozen=True, slots=True)
class TensorRtProfile:
    """What TensorRT must know before it compiles the model; a shape outside it would recompile for minutes mid-run."""

    input_name: str
    tile_hwc: tuple[int, int, int]
    largest_chunk: int
    """Most tiles of one call; engines are tuned for this number and accept any from 1."""
    cache_dir: Path
    """Folder of compiled engines. They fit one model, GPU and version only: the caller keys the folder by these."""


def make_session(
    model_bytes: bytes,
    provider: ProviderName,
    device_id: int = 0,
    threads: int | None = None,
    profile: TensorRtProfile | None = None,
    *,
    spin: bool = False,
) -> ort.InferenceSession:
    """Make a session that runs wholly on one provider.

    Args:
        model_bytes: The ONNX graph, as it was hashed; nothing is read from disk.
        provider: Where every node must run. A node that this provider cannot run is an error, not a slow surprise.
        device_id: Which GPU, for cuda and tensorrt.
        threads: Threads of one inference on the CPU; None for every core that this process may use.
        profile: Shapes and cache for tensorrt, which needs them; unused otherwise.
        spin: Threads turn while they wait for each other: for cores that nobody else uses.

    Raises:
        EngineError: The provider is not there, cannot be loaded, or cannot run the whole model.
        BundleError: The bytes are no graph that this ONNX Runtime can read.
    """
    missing = _quiet_runtime(loads_cuda=provider != "cpu")
    if (name := PROVIDER_CLASSES[provider]) not in ort.get_available_providers():
        raise EngineError(_refusal(provider, "this ONNX Runtime was built without it", missing))
    options, own = _session_options(provider, threads, spin), _provider_options(provider, device_id, profile)
    try:
        # Without enable_fallback=0 the constructor itself retries on the CPU.
        session = ort.InferenceSession(model_bytes, options, [(name, own)], enable_fallback=0)
    except _UNREADABLE as error:
        raise BundleError(
            f"ONNX Runtime {ort.__version__} cannot read the bundle's graph: {first_line(error)}. "
            "Export it again, or take the bundle from where it was verified"
        ) from error
    except RUNTIME_ERRORS as error:
        raise EngineError(_refusal(provider, first_line(error), missing)) from error
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


def usable_cores() -> int:
    """Return the number of cores this process may use: its affinity, not the machine's size."""
    return len(os.sched_getaffinity(0))


def _session_options(provider: ProviderName, threads: int | None, spin: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    # A lower level costs 1.4 to 3.6 times the time on a CPU: the fast convolution layout comes with ALL only.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = threads or usable_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL  # every error comes back as an exception and is told once, from there
    # Spinning threads take the cores that capture and publishing need: half the throughput with two busy sessions.
    # On cores of its own it saves a wake-up of each thread for each operator; between parts nobody turns.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
    if spin:
        options.add_session_config_entry("session.force_spinning_stop", "1")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if provider != "cpu":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return options


def _provider_options(provider: ProviderName, device_id: int, profile: TensorRtProfile | None) -> dict[str, str]:
    if provider == "cpu":
        return {}
    if provider == "cuda":
        # TF32 keeps 10 bits of mantissa: golden tiles made in float32 would differ for no defect of the model.
        return {"device_id": str(device_id), "use_tf32": "0"}
    if profile is None:
        raise ValueError("tensorrt needs a profile: the shapes to compile for and the folder of compiled engines")
    height, width, channels = profile.tile_hwc
    shapes = [f"{profile.input_name}:{n}x{height}x{width}x{channels}" for n in (1, profile.largest_chunk)]
    return {
        "device_id": str(device_id),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(profile.cache_dir),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(profile.cache_dir),
        "trt_profile_min_shapes": shapes[0],
        "trt_profile_opt_shapes": shapes[1],
        "trt_profile_max_shapes": shapes[1],
    }


def _quiet_runtime(loads_cuda: bool) -> tuple[str, ...]:
    """Silence the runtime's own printing and telemetry; load CUDA's libraries where they are needed.

    Returns:
        Names of the CUDA libraries that could not be loaded; they are the likely reason of a refusal.
    """
    ort.set_default_logger_severity(_FATAL)  # a library that cannot be loaded is printed by the default logger
    ort.disable_telemetry_events()
    if not loads_cuda:
        return ()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):  # preload_dlls tells what is missing with print, and in no other way
        ort.preload_dlls()
    return tuple(dict.fromkeys(_LIBRARY.findall(printed.getvalue())))


def _refusal(provider: ProviderName, why: str, missing: tuple[str, ...]) -> str:
    text = f"the model was to run on {provider} ({PROVIDER_CLASSES[provider]}), but {why}"
    if missing:
        text += f"; libraries not found: {', '.join(missing)}"
    built = ", ".join(ort.get_available_providers())
    return f"{text}; ONNX Runtime {ort.__version__} here was built for {built}. {_next_step(provider)}"


def _next_step(provider: ProviderName) -> str:
    if provider == "cpu":
        return "Check that the bundle was exported for this version, and that memory is free"
    libraries = "the CUDA libraries: pip install 'edge_inspector[cuda]'"
    if provider == "tensorrt":
        libraries += " and TensorRT 10: pip install 'tensorrt-cu13<11'"
    return f"Install {libraries}; check the driver with nvidia-smi; or set model.provider: cpu"
