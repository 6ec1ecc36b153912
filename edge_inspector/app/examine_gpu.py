"""Checks of the GPUs that a line computes on, through NVML; a line that computes on none leaves no row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge_inspector.app.patient import Patient
from edge_inspector.core.errors import GpuWatchError, NvmlMissingError
from edge_inspector.doctor.row import Row
from edge_inspector.infer.providers import built_for_cuda
from edge_inspector.observe.gpu_figures import HEAT, GpuFigures
from edge_inspector.observe.nvml import Nvml
from edge_inspector.settings.model import GPU_PROVIDERS

JETSON = Path("/etc/nv_tegra_release")
"""There CUDA works with drivers that bring no NVML."""
OLDEST_DRIVER = {12: "525", 13: "580"}
"""Of each major CUDA version, by NVIDIA's release notes of the toolkits."""
FULL = 0.95
"""Share of the memory from which the next batch may find none."""
_GB = 1e9


def gpus(patient: Patient) -> Iterator[Row]:
    """Ask NVML."""
    models = [view.model for view in patient.settings.views() if view.model.provider in GPU_PROVIDERS]
    if not models:
        return
    try:
        with Nvml() as nvml:
            yield driver_row(nvml.driver, nvml.cuda, built_for_cuda())
            for device_id in sorted({model.device_id for model in models}):
                yield from _looked_at(nvml, device_id)
    except GpuWatchError as error:
        row = Row.of("gpu", error)
        is_missing = isinstance(error, NvmlMissingError) or JETSON.exists()
        yield Row.note("gpu", f"not looked at: {row.seen}", row.next) if is_missing else row


def driver_row(driver: str, cuda: str, built_for: str) -> Row:
    """Return whether a driver serves the CUDA that ONNX Runtime was built for.

    Args:
        driver: Its version.
        cuda: The newest CUDA that it serves.
        built_for: Empty for an ONNX Runtime without CUDA: then only what is there is told.
    """
    seen = f"driver {driver}, for CUDA up to {cuda}"
    if not built_for:
        return Row.ok("gpu", seen)
    needed = int(built_for.partition(".")[0])
    seen += f"; this ONNX Runtime was built for CUDA {built_for}"
    # Within one major version an older driver serves newer libraries.
    if int(cuda.partition(".")[0]) >= needed:
        return Row.ok("gpu", seen)
    least = OLDEST_DRIVER.get(needed, "")
    which = f"NVIDIA's driver {least} or later" if least else f"a driver of NVIDIA's that serves CUDA {needed}"
    return Row.failed("gpu", f"{seen}: the driver is too old", f"install {which}, and restart the computer")


def gpu_rows(figures: GpuFigures) -> list[Row]:
    """Return what one GPU says of itself: one row, and one more for each thing that a person should know."""
    name = f"gpu {figures.gpu}"
    if figures.is_lost:
        then = (
            "see `dmesg` for Xid, switch the computer off and on; if it comes again: supply, seat and heat of the card"
        )
        return [Row.failed(name, "it does not answer its driver", then)]
    troubles = (*_slow(name, figures), *_memory(name, figures), *_driver_stays(name, figures))
    return [Row.ok(name, _in_words(figures)), *troubles]


def _looked_at(nvml: Nvml, device_id: int) -> Iterator[Row]:
    try:
        yield from gpu_rows(nvml.look(device_id))
    except GpuWatchError as error:
        yield Row.of(f"gpu {device_id}", error)


def _in_words(figures: GpuFigures) -> str:
    said = [f"{figures.name} ({figures.uuid})"]
    used, total = figures.memory_used_bytes, figures.memory_total_bytes
    if used is not None and total is not None:
        said.append(f"{(total - used) / _GB:.1f} of {total / _GB:.1f} GB free")
    if figures.temperature_c is not None:
        said.append(f"{figures.temperature_c:.0f} °C")
    if figures.throttled is not None:
        said.append(f"slowed down by {', '.join(figures.throttled)}" if figures.throttled else "at full speed")
    if figures.is_persistent is not None:
        said.append(f"persistence mode {'on' if figures.is_persistent else 'off'}")
    ecc = figures.ecc_uncorrected
    said.append("no ECC" if ecc is None else f"{ecc} uncorrected memory errors")
    return "; ".join(said)


def _slow(name: str, figures: GpuFigures) -> Iterator[Row]:
    reasons = figures.throttled or ()
    if any(reason in HEAT for reason in reasons):
        yield Row.warning(name, f"it is slowed down by heat, at {figures.temperature_c} °C: parts take longer",
                          "clean fans and filters, give the cabinet air")  # fmt: skip
    elif {"power_brake", "hw_slowdown"} & set(reasons):
        yield Row.warning(name, f"it is slowed down by {', '.join(reasons)}: parts take longer",
                          "see its power plug and the supply; `nvidia-smi -q -d PERFORMANCE` shows more")  # fmt: skip


def _memory(name: str, figures: GpuFigures) -> Iterator[Row]:
    used, total = figures.memory_used_bytes, figures.memory_total_bytes
    if used is not None and total and used > FULL * total:
        yield Row.warning(name, f"its memory is {used / total:.0%} full: the next batch may find none",
                          "`nvidia-smi` shows who holds it; end what does not belong to the line")  # fmt: skip
    if figures.ecc_uncorrected:
        yield Row.warning(name, f"{figures.ecc_uncorrected} memory errors could not be corrected since its driver was "
                          "loaded", "restart the computer; if they come again, replace the card")  # fmt: skip


def _driver_stays(name: str, figures: GpuFigures) -> Iterator[Row]:
    if figures.is_persistent is False:
        yield Row.note(name, "its driver is unloaded while nobody uses it, and each start waits for it",
                       "sudo systemctl enable --now nvidia-persistenced")  # fmt: skip
