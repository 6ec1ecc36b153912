"""What NVML says of the GPUs of a line, in plain numbers that fit into a note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

THROTTLE_REASONS = {
    "power_cap": 0x04,
    "hw_slowdown": 0x08,
    "sync_boost": 0x10,
    "thermal_sw": 0x20,
    "thermal_hw": 0x40,
    "power_brake": 0x80,
}
"""Why a GPU runs slower than it could: our name, and the bit of nvmlClocksEventReason… in nvml.h. `hw_slowdown` comes
with `thermal_hw` and `power_brake`; alone it is a supply or a sensor that NVML has no word for."""
CHOSEN_REASONS = 0x01 | 0x02 | 0x100
"""Nothing is wrong: it has nothing to do, or somebody set its clocks, or those of a screen on it."""
OTHER_REASON = "other"
HEAT = ("thermal_sw", "thermal_hw")


@dataclass(frozen=True, slots=True)
class GpuFigures:
    """One GPU now. A number that it does not have, or that its driver does not tell, is None."""

    gpu: int
    """`device_id` of the configuration."""
    is_lost: bool = False
    """It does not answer, or only a restart of the computer helps; all else is unknown then."""
    name: str = ""
    uuid: str = ""
    """As `nvidia-smi -L` shows it."""
    utilization: float | None = None
    """Share of the last moment, up to a second, in which it computed anything at all: 0 to 1."""
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    temperature_c: float | None = None
    throttled: Sequence[str] | None = None
    """Names of `THROTTLE_REASONS`, or `other`."""
    ecc_uncorrected: int | None = None
    """Memory errors since the driver was loaded that could not be corrected; None without ECC."""
    is_persistent: bool | None = None
    """The driver stays loaded while nobody uses the GPU."""


@dataclass(frozen=True, slots=True)
class GpuWatchFigures:
    """The newest sample of all GPUs of a line."""

    gpus: Sequence[GpuFigures]
    """Empty while there is none, or none that is still true."""
    age_s: float | None
    """Since it was taken, or since somebody began to wait for the first; None while there is nothing to ask."""
    driver: str = ""
    cuda: str = ""
    """The newest CUDA that the driver serves, such as `13.0`."""
