"""How late frames are at a steady rate, and how late they make a thread of the process that reads them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.bench import Bench
from benchmarks.cameras.bystander import SLEEP_S, Bystander
from benchmarks.cameras.process import CameraProcess
from benchmarks.cameras.rig import EXPOSURE_US, STRIP, TRIGGERED
from benchmarks.ear import Silent
from benchmarks.figures import Row, at_most, percentile, spread
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import ArrivalKind
from edge_inspector.simulator.config import CameraConfig, ConveyorConfig, SimulationConfig
from edge_inspector.simulator.rehearsal import Simulation

RATE_HZ = 100.0


def latency_rows(section: str, bench: Bench) -> list[Row]:
    """Measure from the edge of the part sensor to the record in the hands of who waits for it."""
    edges: list[int] = []
    late_ms: list[float] = []
    n, skip = bench.scale.camera_frames, round(RATE_HZ)
    with _running() as (simulation, process):
        first_ns = _start(simulation)
        for _ in range(n + skip):
            part, seen_ns = process.next(1.0), monotonic_ns()
            if part is None or part.kind is not ArrivalKind.FRAME or part.trigger_source != "camera":
                raise Silent(f"a part at {RATE_HZ:g}/s did not come whole, or without the camera's time: {part}")
            edges.append(part.trigger_ns)
            late_ms.append((seen_ns - part.trigger_ns) / 1e6)
            process.free(part)
    late_ms, off_us = late_ms[skip:], max(off_beat_us(edges[skip:], first_ns, RATE_HZ))
    note = (
        f"with {EXPOSURE_US / 1000:.1f} ms exposure; edges by the camera's clock, off the conveyor's by {off_us:.0f} us"
    )
    rows = []
    for percent, bar in ((50, None), (99, at_most(3.0))):
        name = f"p{percent} trigger edge to inspect, 1600x256 at {RATE_HZ:g}/s"
        value, low, high = percentile(late_ms, percent), min(late_ms), max(late_ms)
        rows.append(Row(section, name, value, "ms", bar, False, len(late_ms), low, high, note=note, grain=0.1))
    bench.say(f"edge to inspect: p50 {rows[0].value:.2f}, p99 {rows[1].value:.2f}, most {max(late_ms):.2f} ms; {note}")
    return rows


def _start(simulation: Simulation) -> int:
    """Let the conveyor run; returns when the next part will reach the sensor, monotonic ns."""
    conveyor = simulation.controls.conveyor
    conveyor.bring(0.0)
    passed = conveyor.position_mm / simulation.config.conveyors[0].spacing_mm % 1
    before_ns = monotonic_ns()
    conveyor.bring(RATE_HZ)
    return (before_ns + monotonic_ns()) // 2 + round((1 - passed) * 1e9 / RATE_HZ)


def off_beat_us(edges_ns: Sequence[int], first_ns: int, rate_hz: float) -> list[float]:
    """Return how far each edge is from the nearest one of a line that runs evenly, in us."""
    period_ns = 1e9 / rate_hz
    beats = [(edge_ns - first_ns) / period_ns for edge_ns in edges_ns]
    return [abs(beat - round(beat)) * period_ns / 1000 for beat in beats]


def bystander_row(section: str, bench: Bench) -> Row:
    """Measure how late a thread of the process wakes that owns the camera process and reads its frames."""
    extra, idle = [], []
    seconds = bench.scale.bystander_s
    with _running() as (simulation, process):
        idle.append(_typical_ms(simulation, process, 0.0, seconds))
        for _ in range(bench.scale.sandwiches):
            busy = _typical_ms(simulation, process, RATE_HZ, seconds)
            idle.append(_typical_ms(simulation, process, 0.0, seconds))
            extra.append(busy - (idle[-1] + idle[-2]) / 2)
    value, low, high = spread(extra)
    note = f"a sleep of {SLEEP_S * 1000:g} ms beside the reader; idle {spread(idle)[0]:.3f} ms too long"
    bench.say(f"bystander: {value:.3f} ms later than idle; {note}")
    name = f"p50 delay of a bystander thread, camera at {RATE_HZ:g}/s over idle"
    return Row(section, name, value, "ms", at_most(0.2), False, len(extra), low, high, note=note, grain=0.05)


@contextmanager
def _running() -> Iterator[tuple[Simulation, CameraProcess]]:
    """Give a conveyor that runs and the camera process of the camera above it."""
    camera = CameraConfig("A", width=STRIP.width, height=STRIP.height, exposure_us=EXPOSURE_US)
    line = SimulationConfig((camera,), (ConveyorConfig.at_rate(RATE_HZ),))
    with Simulation(line) as simulation:
        plan = GenicamPlan("bench", STRIP, str(simulation.cti), "A", features=TRIGGERED, triggered=True)
        with CameraProcess(plan, simulation.environment()) as process:
            yield simulation, process


def _typical_ms(simulation: Simulation, process: CameraProcess, rate_hz: float, seconds: float) -> float:
    """Return the median of how long sleeps are too long while so many parts pass."""
    simulation.controls.conveyor.bring(rate_hz)
    _read(process, 0.2)
    with Bystander() as bystander:
        n = _read(process, seconds)
    if n < 0.9 * rate_hz * seconds:
        raise Silent(f"only {n} parts came in {seconds:g} s")
    return percentile(bystander.late_ms, 50)


def _read(process: CameraProcess, seconds: float) -> int:
    """Take parts for so long, freeing each at once; returns how many came."""
    ends, n = time.monotonic() + seconds, 0
    while (left_s := ends - time.monotonic()) > 0:
        part = process.next(left_s)
        if part is not None:
            process.free(part)
            n += 1
    return n
