"""What CUDA, TensorRT and ONNX Runtime say when something is wrong with a GPU, and what a person should do about it.

One table. Texts of ONNX Runtime are those in the libraries of 1.31.1; numbers, names and texts of CUDA errors are what
`cudaGetErrorString` of libcudart 13.0 says. Where somebody met a text, the issue is named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_inspector.infer.errors import first_words

OLDEST_DRIVER = 580
"""The first branch of NVIDIA's driver that runs CUDA 13, says the CUDA 13.0 release notes' table of drivers."""


@dataclass(frozen=True, slots=True)
class GpuFault:
    """One thing that can be wrong."""

    name: str
    """For tests and logs."""
    texts: re.Pattern[str]
    """What of the library's words means it."""
    what: str
    """What happened."""
    remedy: str
    """What to do."""
    source: str
    """Where the text is from."""


def _fault(name: str, texts: str, what: str, remedy: str, source: str) -> GpuFault:
    return GpuFault(name, re.compile(texts), what, remedy, source)


GPU_FAULTS = (
    _fault(
        "driver_too_old",
        r"CUDA failure 35\b|driver version is insufficient",
        "the NVIDIA driver is too old for CUDA 13, or not loaded",
        f"install driver {OLDEST_DRIVER} or newer and restart the computer; nvidia-smi shows what runs now",
        "cudaErrorInsufficientDriver; onnxruntime/mobius issue 316 from cudaSetDevice",
    ),
    _fault(
        "driver_mismatch",
        r"CUDA failure 80[34]\b|unsupported display driver / cuda driver combination",
        "the NVIDIA driver's parts are of different versions, as after an update without a restart",
        "restart the computer",
        "cudaErrorSystemDriverMismatch, cudaErrorCompatNotSupportedOnDevice",
    ),
    _fault(
        "no_gpu",
        r"CUDA failure 100\b|no CUDA-capable device",
        "the driver sees no GPU",
        "check nvidia-smi, the device files /dev/nvidia* (the service needs the drop-in gpu.conf) and "
        "CUDA_VISIBLE_DEVICES",
        "cudaErrorNoDevice",
    ),
    _fault(
        "wrong_device_id",
        r"CUDA failure 101\b|[Ii]nvalid device I[Dd]\b|Invalid device id\b|invalid device ordinal",
        "there is no GPU of that number",
        "set model.device_id to one that nvidia-smi -L lists; they count from 0",
        "cudaErrorInvalidDevice; 'Invalid device ID: ' of libonnxruntime_providers_cuda.so and _tensorrt.so",
    ),
    _fault(
        "gpu_not_served",
        r"CUDA failure 209\b|no kernel image is available",
        "this ONNX Runtime holds no code for a GPU of that generation",
        "use another GPU (from Turing on, compute capability 7.5), or set model.provider: cpu",
        "cudaErrorNoKernelImageForDevice",
    ),
    _fault(
        "out_of_memory",
        r"CUDA failure 2\b|Failed to allocate memory for requested|_ALLOC_FAILED|Memory allocation failed\. Size=",
        "the GPU's memory is full",
        "nvidia-smi shows who takes it: end others there, lower model.chunk, or give cameras a GPU of their own",
        "cudaErrorMemoryAllocation; BFCArena in microsoft/onnxruntime issues 16307, 20038, 22702",
    ),
    _fault(
        "gpu_lost",
        r"CUDA failure (46|214|702|714|719|802|999)\b|[Ff]allen off the bus|GPU is lost",
        "the GPU or its driver does not answer any more",
        "look for `NVRM: Xid` in `journalctl -k` (79: fallen off the bus, 48: memory errors); check power, seat and "
        "temperature of the card; restart the computer",
        "cudaErrorDevicesUnavailable, ECCUncorrectable, LaunchTimeout, HardwareStackError, LaunchFailure, "
        "SystemNotReady, Unknown; microsoft/onnxruntime issue 14211",
    ),
    _fault(
        "context_broken",
        r"CUDA failure (700|709|710|715|716|717|718)\b|illegal memory access",
        "a computation on the GPU went wrong, and with it all that this process does there",
        "a fresh process begins anew; if it comes back, update the driver, and look for `NVRM: Xid` in `journalctl -k`",
        "cudaErrorIllegalAddress and its like; microsoft/onnxruntime issue 26312",
    ),
    _fault(
        "engine_unreadable",
        r"could not deserialize engine|failed to deserialize engine",
        "TensorRT cannot read a compiled engine that it was given",
        "delete the folder `engines` in state_dir; it is built again at the next start",
        "'TensorRT EP could not deserialize engine from cache: ' of libonnxruntime_providers_tensorrt.so",
    ),
    _fault(
        "engine_not_built",
        r"Failed to Build Engine|failed to create engine from network|failed to create context|No engine is found",
        "TensorRT cannot compile the model for this GPU",
        "check that memory is free (nvidia-smi), lower model.tensorrt.workspace_mib or model.chunk, or use "
        "model.provider: cuda",
        "'TensorRT EP failed to create engine from network' of libonnxruntime_providers_tensorrt.so",
    ),
    _fault(
        "wrong_shapes",
        r"User needs to provide all the dynamic shape inputs|associated profiles",
        "the graph has open dimensions besides the number of tiles",
        "export the bundle again with fixed tile dimensions",
        "libonnxruntime_providers_tensorrt.so",
    ),
    _fault(
        "not_whole",
        r"fallback to CPU EP has been explicitly disabled",
        "some nodes of the graph cannot run on it, and a slow CPU in between is refused",
        "if libraries are named as missing install them; else export the bundle again, or set model.provider: cpu",
        "session.disable_cpu_ep_fallback, in the library of the session",
    ),
    _fault(
        "tensorrt_not_loaded",
        r"Please install TensorRT libraries|libonnxruntime_providers_tensorrt\.so",
        "ONNX Runtime could not load TensorRT",
        "pip install 'edge_inspector[tensorrt]'",
        "onnxruntime_pybind11_state, in every session for tensorrt without its libraries",
    ),
    _fault(
        "device_library",
        r"CUDA failure \d+|CUDNN failure|CUBLAS failure|CURAND failure|CUDA Provider not available|enqueue failed",
        "the GPU refused a call",
        "check the driver with nvidia-smi and the log of the kernel with `journalctl -k`",
        "'%s failure %d: %s ; GPU=%d' of libonnxruntime_providers_cuda.so",
    ),
)
"""First match counts: the particular before the general."""

_CALL = re.compile(r"((?:CUDA|CUDNN|CUBLAS|CURAND)(?:_FE)? failure -?\d+: [^;\n]*?)\s*(?:;|\n|$)")


def gpu_fault(text: str) -> GpuFault | None:
    """Return what a library's words mean; None for words that are not about a GPU."""
    return next((fault for fault in GPU_FAULTS if fault.texts.search(text)), None)


def told(text: str) -> str:
    """Return a library's words for a person: what happened, its own words without paths and host names, what to do."""
    call = _CALL.search(text)
    words = call.group(1) if call else first_words(text)
    fault = gpu_fault(text)
    return words if fault is None else f"{fault.what} ({words}): {fault.remedy}"
