"""What a line takes of the processor while its camera gives no trigger."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.bench import Bench
from benchmarks.cameras.rig import TRIGGERED
from benchmarks.ear import Silent
from benchmarks.figures import Row, at_most, spread
from benchmarks.line import START_S, Knobs, Line
from benchmarks.processes import CpuTime, other_threads_time
from benchmarks.scraper import scraping
from edge_inspector.core.errors import CameraError
from edge_inspector.simulator.config import CameraConfig, SimulationConfig
from edge_inspector.simulator.rehearsal import Simulation

MOST_PERCENT = 3.0
SCRAPES_PER_S = 0.2
NEVER_HZ = 0.001
"""The first picture comes at once, the second a quarter of an hour later."""
SETTLE_S = 12.0
"""A line stands still from the tenth second after its newest part."""
KEEP = ("REJECT", "UNKNOWN")
FOLDER, GENICAM = "pictures of a folder", "a simulated GenICam camera"
PRODUCER = "the camera's own threads"


def idle_rows(section: str, bench: Bench) -> list[Row]:
    """Return the load of a line on a folder of pictures and of one on a GenICam camera, both without parts."""
    folder = _row(section, bench, FOLDER, Knobs(rate_hz=NEVER_HZ, keep=KEEP), lambda: None)
    height, width, channels = bench.one_tile().frame_hwc
    try:
        with Simulation(SimulationConfig((CameraConfig("A", width=width, height=height),))) as simulation:
            block = {
                "kind": "genicam",
                "cti": str(simulation.cti),
                "serial": "A",
                "frame": {"width": width, "height": height, "channels": channels},
                "features": TRIGGERED,
                "triggered": True,
            }
            knobs = Knobs(keep=KEEP, sections={"camera": block}, environment=simulation.environment())
            return [folder, _row(section, bench, GENICAM, knobs, simulation.controls.conveyor.fire)]
    except CameraError as error:  # no compiler
        return [folder, Row(section, _name(GENICAM), None, "%", at_most(MOST_PERCENT), note=f"left out: {error}")]


def _row(section: str, bench: Bench, source: str, knobs: Knobs, bring_part: Callable[[], None]) -> Row:
    windows: list[dict[str, float]] = []
    with Line(bench.one_tile(), knobs) as line, scraping(line.metrics_port, SCRAPES_PER_S):
        bring_part()
        line.ear.until(lambda heard: heard.kind == "verdict", START_S, "the only part of an idle line")
        time.sleep(SETTLE_S)
        line.ear.drain()
        for _ in range(bench.scale.cpu_windows):
            before, began = _cpu(line), time.monotonic()
            time.sleep(bench.scale.cpu_window_s)
            windows.append(percent_of_a_core(before, _cpu(line), time.monotonic() - began))
        heard = line.ear.drain()
    if any(each.kind == "verdict" for each in heard):
        raise Silent("a line was to be idle and judged parts")
    beats = sum(each.kind == "hb" for each in heard) / bench.scale.cpu_windows / bench.scale.cpu_window_s
    # They stand for what is outside of the program, and count in the camera process.
    total, low, high = spread([sum(window.values()) - 2 * window[PRODUCER] for window in windows])
    shares = {name: spread([window[name] for window in windows])[0] for name in windows[0]}
    apart = shares.pop(PRODUCER)
    note = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
    note += f"; without {PRODUCER}, {apart:.2f}" if source == GENICAM else ""
    note += f"; {beats:.1f} heartbeats/s to a subscriber, a scrape every {1 / SCRAPES_PER_S:g} s"
    bench.say(f"idle, {source}: {total:.2f} % of a core, {note}")
    bar = at_most(MOST_PERCENT)
    return Row(section, _name(source), total, "%", bar, False, len(windows), low, high, note=note, grain=0.3)


def _name(source: str) -> str:
    return f"idle, {source}: share of one core, all processes"


def _cpu(line: Line) -> dict[str, CpuTime]:
    """Return what each process took, and what the threads took that a producer runs in the camera process."""
    family = line.cpu()
    return family | {PRODUCER: other_threads_time(line.family()["camera"])}


def percent_of_a_core(before: dict[str, CpuTime], after: dict[str, CpuTime], seconds: float) -> dict[str, float]:
    """Return what each process took between two looks, in per cent of one core.

    Raises:
        Silent: A process was replaced meanwhile, or ended.
    """
    if before.keys() != after.keys() or any(after[name].total_s < before[name].total_s for name in before):
        raise Silent("a process of an idle line was replaced")
    return {name: (after[name] - before[name]).total_s / seconds * 100 for name in before}
