"""A real line's camera loses its power and gets it back: what a client sees, and when."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.bench import Bench
from benchmarks.cameras.rig import TRIGGERED
from benchmarks.ear import Heard
from benchmarks.figures import Row, at_most, spread
from benchmarks.line import JUDGED, START_S, Knobs, Line
from edge_inspector.client.wire import Flag
from edge_inspector.simulator.config import CameraConfig, ConveyorConfig, SimulationConfig
from edge_inspector.simulator.rehearsal import Simulation

STEADY_S = 10.5
"""A camera process that ran for 10 s is replaced at once."""
GONE_S = 1.0
RATE_HZ = 50.0


def loss_rows(section: str, bench: Bench) -> list[Row]:
    """Cut the power of a real line's camera, and give it back."""
    subject = bench.one_tile()
    height, width, channels = subject.frame_hwc
    camera = CameraConfig("A", width=width, height=height, linger_ms=0)
    noticed, returned = [], []
    with Simulation(SimulationConfig((camera,), (ConveyorConfig.at_rate(RATE_HZ),))) as simulation:
        block = {
            "kind": "genicam",
            "cti": str(simulation.cti),
            "serial": "A",
            "frame": {"width": width, "height": height, "channels": channels},
            "features": TRIGGERED,
            "triggered": True,
        }
        knobs = Knobs(sections={"camera": block}, environment=simulation.environment())
        with Line(subject, knobs) as line:
            for turn in range(bench.scale.kills):
                time.sleep(STEADY_S)
                line.ear.drain()
                lost_us = _utc_us()
                simulation.controls.camera.lose()
                noticed.append((_until(line, _is_not_ready, lost_us, "not ready after a loss") - lost_us) / 1e6)
                time.sleep(GONE_S)
                back_us = _utc_us()
                simulation.controls.camera.come_back()
                returned.append((_until(line, _is_judged, back_us, "a verdict after the return") - back_us) / 1e6)
                rounds = f"{turn + 1} of {bench.scale.kills}"
                bench.say(f"loss {rounds}: not ready after {noticed[-1]:.2f} s, judged {returned[-1]:.2f} s after it")
    note = f"{RATE_HZ:g} parts/s, no heartbeat timeout to wait for"
    rows = []
    for what, values, bar in (
        ("lost: until the line is not ready", noticed, at_most(1.0)),
        (f"back after {GONE_S:g} s: until the next part that the model judged", returned, None),
    ):
        value, low, high = spread(values)
        rows.append(Row(section, f"camera {what}", value, "s", bar, False, len(values), low, high, note=note))
    return rows


def _until(line: Line, is_wanted: Callable[[Heard], bool], since_us: int, what: str) -> int:
    """Return when the first message was sent after that moment that is wanted, UTC in us."""
    heard = line.ear.until(lambda m: m.header.t_utc_us > since_us and is_wanted(m), START_S, what)
    return heard[-1].utc_us


def _is_not_ready(heard: Heard) -> bool:
    return heard.kind == "hb" and not heard.body["ready"]


def _is_judged(heard: Heard) -> bool:
    is_first = not heard.header.flags & Flag.REPLAYED
    return heard.kind == "verdict" and is_first and heard.body["reason"] in JUDGED


def _utc_us() -> int:
    return time.time_ns() // 1000
