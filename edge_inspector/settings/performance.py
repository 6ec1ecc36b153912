"""`performance:` how many parts are judged at a time, on which cores, and who goes first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, Literal

from pydantic import Field

from edge_inspector.settings.lines import KeyPath
from edge_inspector.settings.section import Section

Process = Literal["inspect", "camera", "main"]
PROCESSES: tuple[Process, ...] = ("inspect", "camera", "main")

# 8192: the most cores that any Linux kernel is built for.
Cores = Annotated[list[Annotated[int, Field(ge=0, le=8191)]], Field(min_length=1, max_length=1024)]
Steps = Annotated[int, Field(ge=-20, le=19)]


class CoreSettings(Section):
    """Which cores each process may use, as lists of the numbers that `lscpu -e` shows; null for all that are there."""

    inspect: Cores | None = None
    """Tiles, model, verdict. Its threads count these cores."""
    camera: Cores | None = None
    """Pictures from the camera into shared memory."""
    main: Cores | None = None
    """Supervisor, clients, metrics, evidence."""


class NiceSettings(Section):
    """Steps of priority, added to the one that the program is started with; below 0 goes first and needs the right.

    Main has no number here: it always stands behind the other two.
    """

    inspect: Steps = 0
    """Of the inspect process."""
    camera: Steps = 0
    """Of the camera process."""


class PerformanceSettings(Section):
    """How the computer's cores are shared out."""

    profile: Literal["latency", "throughput"] = "latency"
    """`latency`: one part at a time on all cores. `throughput`: one part on each core, side by side."""
    workers: int | None = Field(default=None, ge=1, le=256)
    """Parts judged side by side, for throughput alone; null for one on each core of inspect."""
    spin: bool = False
    """Inference threads turn while they wait, which saves some wake-ups: only on cores that are inspect's alone.
    Not for openvino, which decides by itself."""
    cores: CoreSettings = CoreSettings()
    nice: NiceSettings = NiceSettings()


def performance_faults(performance: PerformanceSettings) -> Iterator[tuple[KeyPath, str]]:
    """Yield what does not fit together, each with the place of the setting."""
    if performance.workers is not None and performance.profile == "latency":
        what = f"{performance.workers} workers are for `profile: throughput`; with latency leave the key out"
        yield ("performance", "workers"), what
    for process in PROCESSES:
        given = getattr(performance.cores, process) or []
        if twice := sorted({core for core in given if given.count(core) > 1}):
            yield ("performance", "cores", process), f"core {twice[0]} stands twice; once is enough"
    if performance.spin and (why := _shared_cores(performance.cores)):
        yield ("performance", "spin"), f"{why}: turning threads would take time from them; leave `spin` out"


def missing_cores(performance: PerformanceSettings, offered: Collection[int]) -> Iterator[tuple[KeyPath, str]]:
    """Yield each list of cores that names one which is not there.

    Args:
        performance: As it was loaded.
        offered: Numbers of the cores that this program may use here.
    """
    for process in PROCESSES:
        missing = sorted(set(getattr(performance.cores, process) or []) - set(offered))
        if missing:
            what = f"this program may not use core {_listed(missing)} here, only {_listed(sorted(offered))}"
            yield ("performance", "cores", process), f"{what}; see `lscpu -e` and the service's CPUAffinity"


def _shared_cores(cores: CoreSettings) -> str:
    """Return in words why inspect's cores are not its own; empty when they are."""
    if cores.inspect is None:
        return "cores.inspect names no cores, so it shares all"
    for process in ("camera", "main"):
        others: list[int] | None = getattr(cores, process)
        if others is None:
            return f"cores.{process} names no cores, so it may use those of inspect"
        if both := sorted(set(others) & set(cores.inspect)):
            return f"core {_listed(both)} belongs to inspect and {process}"
    return ""


def _listed(cores: list[int]) -> str:
    return ", ".join(str(core) for core in cores)
