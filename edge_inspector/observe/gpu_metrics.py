"""The metrics of a line's GPUs; declared by `observe.metrics` with all others."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from edge_inspector.observe.gpu_figures import OTHER_REASON, THROTTLE_REASONS, GpuFigures, GpuWatchFigures
from edge_inspector.observe.record_metrics import Declare


class GpuMetrics:
    """What NVML says. Absent on a line that uses no GPU, and where NVML is absent."""

    def __init__(self, declare: Declare, lock: AbstractContextManager[Any]) -> None:
        """Declare; `lock` makes one moment of a scrape."""
        self._lock = lock
        self._info = declare(
            "gauge", "gpu_info", "1; which GPU a line uses", "gpu", "product", "uuid", "driver", "cuda"
        )
        text = "Share of the last moment in which the GPU computed anything"
        self._utilization = declare("gauge", "gpu_utilization_ratio", text, "gpu")
        self._used = declare("gauge", "gpu_memory_used_bytes", "Memory in use on the GPU, by whomever", "gpu")
        self._total = declare("gauge", "gpu_memory_total_bytes", "Memory of the GPU", "gpu")
        self._celsius = declare("gauge", "gpu_temperature_celsius", "Temperature of the GPU", "gpu")
        text = "1 for each reason why the GPU runs slower than it could, else 0"
        self._throttled = declare("gauge", "gpu_throttled", text, "gpu", "reason")
        text = "Memory errors that could not be corrected, since the driver was loaded; absent without ECC"
        self._ecc = declare("counter", "gpu_ecc_uncorrected_total", text, "gpu")
        self._lost = declare("gauge", "gpu_lost", "1 while the GPU does not answer its driver", "gpu")
        text = "Time since NVML last answered; absent where it cannot be asked at all"
        self._age = declare("gauge", "gpu_sample_age_seconds", text)

    def set(self, watch: GpuWatchFigures) -> None:
        """Take over the newest sample; what it does not hold is no longer shown."""
        of_gpus = (
            *(self._info, self._utilization, self._used, self._total),
            *(self._celsius, self._throttled, self._ecc, self._lost),
        )
        with self._lock:
            for series in of_gpus:
                series.clear()
            self._age.set(watch.age_s)
            for figures in watch.gpus:
                self._set_one(figures, watch)

    def _set_one(self, figures: GpuFigures, watch: GpuWatchFigures) -> None:
        gpu = str(figures.gpu)
        self._lost.set(figures.is_lost, gpu)
        if figures.is_lost:
            return
        self._info.set(1, gpu, figures.name, figures.uuid, watch.driver, watch.cuda)
        self._utilization.set(figures.utilization, gpu)
        self._used.set(figures.memory_used_bytes, gpu)
        self._total.set(figures.memory_total_bytes, gpu)
        self._celsius.set(figures.temperature_c, gpu)
        self._ecc.set(figures.ecc_uncorrected, gpu)
        for reason in (*THROTTLE_REASONS, OTHER_REASON) if figures.throttled is not None else ():
            self._throttled.set(reason in (figures.throttled or ()), gpu, reason)
