"""Frames a second of the camera process over bare Harvesters; simulated cameras wait for their consumers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.bench import Bench, interleaved
from benchmarks.cameras.process import CameraProcess
from benchmarks.contender import Task
from benchmarks.figures import Row, at_least, sandwich_ratios, spread
from benchmarks.rival import Rival
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.core.frame import FrameShape
from edge_inspector.simulator.config import CameraConfig, SimulationConfig
from edge_inspector.simulator.rehearsal import Simulation

BUFFERS = 16
N_FRAMES = 4
SLOTS = 64
"""On two cores the reader may be kept waiting for some ms, in which a camera without a rate sends dozens of strips."""


def rate_row(section: str, bench: Bench, shape: FrameShape) -> Row:
    """Measure both as fast as they go, each on a camera that waits for its consumer."""
    size = f"{shape.width}x{shape.height} Mono8"
    pictures = _write_frames(shape, bench.folder / f"{shape.width}x{shape.height}.raw")
    cameras = tuple(CameraConfig(name, "", shape.width, shape.height, pictures=pictures, patient=True) for name in "AB")
    seconds = bench.scale.window_s
    with Simulation(SimulationConfig(cameras)) as simulation:
        environment = simulation.environment()
        task = Task("", "", [], [], {"cti": str(simulation.cti), "serial": "A", "buffers": BUFFERS})
        # Paused for longer than any camera is silent.
        plan = GenicamPlan("bench", shape, str(simulation.cti), "B", buffers=BUFFERS, lost_after_s=3600.0)
        with CameraProcess(plan, environment, SLOTS) as process:
            process.pause()
            with Rival("benchmarks.cameras.bare", task, environment=environment) as bare:
                found = interleaved(
                    {"bare": lambda: bare.run(seconds)},
                    {"camera process": lambda: process.window(seconds)},
                    bench.scale.sandwiches,
                    bench.say,
                )
    outer, inner = found["bare"], found["camera process"]
    ratios = sandwich_ratios([w.per_s for w in outer], [w.per_s for w in inner])
    value, low, high = spread(ratios)
    per_s, bare_per_s = (spread([w.per_s for w in windows])[0] for windows in (inner, outer))
    cpu_ms, bare_cpu_ms = (spread([w.cpu_ms for w in windows])[0] for windows in (inner, outer))
    note = f"{per_s:.0f} frames/s, bare Harvesters with a copy {bare_per_s:.0f}; CPU time with the producer's"
    name = f"{size}: frames/s over bare Harvesters"
    return Row(section, name, value, "", at_least(0.9), True, len(ratios), low, high, cpu_ms, bare_cpu_ms, note)


def _write_frames(shape: FrameShape, path: Path) -> Path:
    """Write noise as raw frames, and return the file: a camera that had to draw its pattern would be the slowest."""
    path.write_bytes(np.random.default_rng(1).bytes(N_FRAMES * shape.n_bytes))
    return path
