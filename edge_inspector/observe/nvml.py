"""The one file that knows NVML, the library of NVIDIA's driver below `nvidia-smi`.

A call may hang for as long as a driver is wedged, in the kernel, where no signal reaches it, and a fault in it ends the
process. So main and inspect never make one: `app/gpu.py` and `doctor` do, in processes that nobody waits for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from edge_inspector.core.errors import GpuWatchError, NvmlMissingError
from edge_inspector.observe.gpu_figures import CHOSEN_REASONS, OTHER_REASON, THROTTLE_REASONS, GpuFigures

LIBRARY_NOT_FOUND, NO_PERMISSION, DRIVER_NOT_LOADED, VERSION_MISMATCH = 12, 4, 9, 18
_INVALID_ARGUMENT, _NOT_FOUND = 2, 6
_NOT_TOLD = (3, 4, 13, 22, 25)
"""NVML_ERROR_…: not supported, no permission, function not found, no ECC on this vGPU, another version of arguments:
this GPU or its driver has no such number. From nvml.h, whose numbers are part of its interface."""
_LOST = (15, 16)
"""GPU is lost, reset required."""
_NEXT = {
    LIBRARY_NOT_FOUND: "install NVIDIA's driver, and try `nvidia-smi`",
    DRIVER_NOT_LOADED: "load the driver (`sudo modprobe nvidia`), and see `dmesg` if it refuses",
    VERSION_MISMATCH: "the driver was replaced and the old one still runs: restart the computer",
    NO_PERMISSION: "let this user open /dev/nvidia*; in a unit the drop-in gpu.conf does",
}


class Nvml:
    """A session with NVML. Every call may hang; use it as a context manager, in one thread."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """Prepare; `environ` may name CUDA_VISIBLE_DEVICES, which numbers GPUs anew."""
        self._environ = environ
        self.driver = ""
        """Its version, such as `580.65.06`."""
        self.cuda = ""
        """The newest CUDA that it serves, such as `13.0`."""

    def __enter__(self) -> Self:
        """Begin.

        Raises:
            NvmlMissingError: The package nvidia-ml-py is not installed.
            GpuWatchError: There is no driver, or it refuses.
        """
        try:
            import pynvml
        except ImportError:
            raise NvmlMissingError(
                "the Python package nvidia-ml-py is not installed; pip install 'edge_inspector[cuda]' brings it"
            ) from None
        self._nvml: Any = pynvml
        with self._in_words("NVML cannot be asked"):
            pynvml.nvmlInit()
            self.driver = pynvml.nvmlSystemGetDriverVersion()
            cuda = pynvml.nvmlSystemGetCudaDriverVersion_v2()
        self.cuda = f"{cuda // 1000}.{cuda % 1000 // 10}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        with suppress(self._nvml.NVMLError):
            self._nvml.nvmlShutdown()

    def count(self) -> int:
        """Return how many GPUs there are. Raises GpuWatchError."""
        with self._in_words("NVML does not count its GPUs"):
            return int(self._nvml.nvmlDeviceGetCount())

    def look(self, device_id: int) -> GpuFigures:
        """Return what one GPU says of itself now, a lost one too.

        Raises:
            GpuWatchError: There is no such GPU, or NVML refuses.
        """
        try:
            with self._in_words(f"GPU {device_id} cannot be asked"):
                return self._figures(device_id, self._handle(device_id))
        except GpuWatchError as error:
            if getattr(error.__cause__, "value", None) in _LOST:
                return GpuFigures(device_id, is_lost=True)
            if getattr(error.__cause__, "value", None) in (_INVALID_ARGUMENT, _NOT_FOUND):
                seen = f"there is no GPU {device_id}: NVML counts {self.count()}, from 0"
                raise GpuWatchError(f"{seen}; set model.device_id to one of those that `nvidia-smi` shows") from error
            raise

    def _handle(self, device_id: int) -> Any:
        seen = self._environ.get("CUDA_VISIBLE_DEVICES")
        if seen is None:
            return self._nvml.nvmlDeviceGetHandleByIndex(device_id)
        shown = [name.strip() for name in seen.split(",")]
        name = shown[device_id] if device_id < len(shown) else ""
        if not name or name == "-1":
            what = f"CUDA_VISIBLE_DEVICES={seen} shows no GPU {device_id}"
            raise GpuWatchError(f"{what}; take it out of the environment, or name the GPU in it")
        by = self._nvml.nvmlDeviceGetHandleByIndex if name.isdigit() else self._nvml.nvmlDeviceGetHandleByUUID
        return by(int(name) if name.isdigit() else name)

    def _figures(self, device_id: int, handle: Any) -> GpuFigures:
        nvml = self._nvml
        memory = self._told(nvml.nvmlDeviceGetMemoryInfo, handle)
        rates = self._told(nvml.nvmlDeviceGetUtilizationRates, handle)
        celsius = self._told(nvml.nvmlDeviceGetTemperatureV, handle, nvml.NVML_TEMPERATURE_GPU)
        if celsius is None:  # drivers before 560
            celsius = self._told(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
        persistence = self._told(nvml.nvmlDeviceGetPersistenceMode, handle)
        return GpuFigures(
            device_id,
            name=self._told(nvml.nvmlDeviceGetName, handle) or "",
            uuid=self._told(nvml.nvmlDeviceGetUUID, handle) or "",
            utilization=None if rates is None else rates.gpu / 100,
            memory_used_bytes=None if memory is None else memory.used,
            memory_total_bytes=None if memory is None else memory.total,
            temperature_c=celsius,
            throttled=_reasons(self._told(nvml.nvmlDeviceGetCurrentClocksEventReasons, handle)),
            ecc_uncorrected=self._told(
                nvml.nvmlDeviceGetTotalEccErrors,
                handle,
                nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
                nvml.NVML_VOLATILE_ECC,
            ),
            is_persistent=None if persistence is None else bool(persistence),
        )

    def _told(self, question: Callable[..., Any], *given: Any) -> Any:
        """Return an answer; None where this GPU or this driver has none."""
        try:
            return question(*given)
        except self._nvml.NVMLError as error:
            if error.value in _NOT_TOLD:
                return None
            raise

    @contextmanager
    def _in_words(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._nvml.NVMLError as error:
            then = _NEXT.get(error.value, "try `nvidia-smi`, and see `dmesg` for lines with NVRM")
            raise GpuWatchError(f"{what}: {str(error).rstrip('.')}; {then}") from error


def _reasons(bits: int | None) -> tuple[str, ...] | None:
    if bits is None:
        return None
    named = tuple(name for name, bit in THROTTLE_REASONS.items() if bits & bit)
    rest = bits & ~CHOSEN_REASONS & ~sum(THROTTLE_REASONS.values())
    return (*named, OTHER_REASON) if rest else named
