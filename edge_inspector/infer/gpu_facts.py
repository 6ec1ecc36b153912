"""What a compiled engine depends on besides the model: TensorRT, the driver and the very GPU."""

from __future__ import annotations

import ctypes
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.core.errors import EngineError
from edge_inspector.infer.gpu_errors import told
from edge_inspector.infer.gpu_libraries import load_libraries

_DRIVER = Path("/proc/driver/nvidia/version")
# Of cuda.h: CUdevice_attribute.
_MAJOR, _MINOR = 75, 76
_NAME_BYTES = 256


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """Versions, and which GPU."""

    tensorrt: str
    driver: str
    gpu: str
    """Its name: `NVIDIA RTX A2000`."""
    compute: str
    """Its compute capability: `8.6`."""
    uuid: str
    """Of this very card."""


def read_facts(device_id: int) -> GpuFacts:
    """Ask the libraries and the kernel; makes no CUDA context.

    Raises:
        EngineError: TensorRT or the driver is not there, or there is no such GPU.
    """
    if missing := load_libraries("tensorrt"):
        raise EngineError(f"the model was to run on tensorrt, but {'; '.join(missing)}. Or set model.provider: cpu")
    name, compute, which = _gpu(device_id)
    return GpuFacts(tensorrt_version(ctypes.CDLL("libnvinfer.so.10")), driver_version(_DRIVER), name, compute, which)


def tensorrt_version(library: ctypes.CDLL) -> str:
    """Return the version that `libnvinfer.so.10` says it is: 101601 is 10.16.1."""
    number = int(library.getInferLibVersion())
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def driver_version(path: Path) -> str:
    """Return the version of the driver that the kernel runs, from /proc/driver/nvidia/version.

    Raises:
        EngineError: No driver is loaded.
    """
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise EngineError(
            f"no NVIDIA driver is loaded ({path}: {error.strerror}); install it and restart the computer, then "
            "nvidia-smi shows it"
        ) from error
    found = re.search(r"NVRM version:.*?(\d+\.\d+(?:\.\d+)?)", text)
    if found is None:
        raise EngineError(f"{path} names no version of the driver: {text.splitlines()[:1]}; check nvidia-smi")
    return found.group(1)


def _gpu(device_id: int) -> tuple[str, str, str]:
    """Return name, compute capability and UUID."""
    cuda = ctypes.CDLL("libcuda.so.1")
    device, name = ctypes.c_int(), ctypes.create_string_buffer(_NAME_BYTES)
    major, minor, which = ctypes.c_int(), ctypes.c_int(), (ctypes.c_ubyte * 16)()
    calls: tuple[Callable[[], int], ...] = (
        lambda: cuda.cuInit(0),
        lambda: cuda.cuDeviceGet(ctypes.byref(device), device_id),
        lambda: cuda.cuDeviceGetName(name, _NAME_BYTES, device),
        lambda: cuda.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, device),
        lambda: cuda.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, device),
        lambda: cuda.cuDeviceGetUuid(which, device),
    )
    for call in calls:
        if status := call():  # numbered as the errors of the runtime are
            raise EngineError(f"GPU {device_id} cannot be used: {told(f'CUDA failure {status}: of the driver')}")
    return name.value.decode("utf-8", "replace"), f"{major.value}.{minor.value}", str(uuid.UUID(bytes=bytes(which)))
