"""Composition root of the process that asks NVML. Nobody waits for it: it may hang in the driver, or be ended by it."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import GpuWatchError, NvmlMissingError
from edge_inspector.observe.nvml import Nvml
from edge_inspector.run.child import enter_child
from edge_inspector.run.handover import NoteSender
from edge_inspector.run.scheduling import PAGE_NICE, Place, take_place

SAMPLE_S = 1.0
"""As often as metrics are sent; what NVML calls utilisation is a mean of up to a second."""
RETRY_S = 10.0
"""Where there is no driver, or the GPU is lost. Beginning anew may take it seconds of a core."""


def main(start_fd: int) -> int:
    """Sample for ever; returns 0 where there is nothing to sample and never will be."""
    start = enter_child(start_fd)
    device_ids: tuple[int, ...] = start.plan
    take_place(Place(nice=PAGE_NICE))
    notes = NoteSender(socket.socket(fileno=start.notes_fd))
    while True:
        try:
            _sample(device_ids, notes)
        except GpuWatchError as error:
            notes.offer({"kind": "absent", "why": str(error)})
            if isinstance(error, NvmlMissingError):
                return 0
        time.sleep(RETRY_S)


def _sample(device_ids: Sequence[int], notes: NoteSender) -> None:
    """Tell what the GPUs say until one of them is lost: NVML finds it again in a new session alone."""
    with Nvml() as nvml:
        while True:
            at_ns = monotonic_ns()  # before: what came late is old
            gpus = [nvml.look(device_id) for device_id in device_ids]
            notes.offer(
                {
                    "kind": "sample",
                    "at_ns": at_ns,
                    "driver": nvml.driver,
                    "cuda": nvml.cuda,
                    "gpus": [asdict(figures) for figures in gpus],
                }
            )
            if any(figures.is_lost for figures in gpus):
                return
            time.sleep(SAMPLE_S)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
