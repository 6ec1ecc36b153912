"""The machine: what it is, and how busy others keep it."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("onnxruntime-gpu", "onnxruntime", "numpy", "opencv-python-headless", "pyzmq", "openvino")


def describe() -> dict[str, str]:
    """Return hardware and versions; `cpu`, `cores` and `memory` say whether two runs compare."""
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    found = {
        "cpu": _cpu_name(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory_gb:.0f} GB",
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@contextmanager
def watched(into: dict[str, str]) -> Iterator[None]:
    """Note when the block ran, the load before and after it, and how many cores others kept busy meanwhile."""
    began, load, busy, own = time.monotonic(), os.getloadavg()[0], _busy_s(), _own_s()
    into["when"] = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    yield
    wall_s = time.monotonic() - began
    into["load before"], into["load after"] = f"{load:.2f}", f"{os.getloadavg()[0]:.2f}"
    # Everything the bench starts has ended and is counted among its children by now.
    others = max(0.0, (_busy_s() - busy) - (_own_s() - own)) / wall_s
    into["cores busy with others"] = f"{others:.2f}"
    into["seconds"] = f"{wall_s:.0f}"


def is_disturbed(watch: Mapping[str, str]) -> bool:
    """Return whether others took so much of the machine that absolute figures mean little."""
    return float(watch["cores busy with others"]) > 0.25


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def _busy_s() -> float:
    """Return CPU seconds that all of the machine has spent, waiting for disks not counted."""
    user, nice, system, _idle, _wait, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _own_s() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
