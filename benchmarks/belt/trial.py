"""One trial: the daemon judges, is stalled and killed, and gates decide; afterwards what became of every part."""

from __future__ import annotations

import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.belt.world import COUNTS_PER_MM, SIDE_PX, SPACING_MM, Belt, draw_parts
from benchmarks.line import LINE, Knobs, Line
from benchmarks.subject import Subject
from edge_inspector.client.decision import Why
from edge_inspector.client.gate import Gate
from edge_inspector.client.gate_settings import GateSettings
from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.live import now_us
from edge_inspector.signal.authorized import LIST, AuthorizedKey, Role, write_authorized
from edge_inspector.signal.keys import make_key, read_key
from edge_inspector.simulator.config import CameraConfig, ConveyorConfig, SimulationConfig
from edge_inspector.simulator.rehearsal import Simulation

MODULUS = 1 << 32
TRAVEL_MM = 750.0
"""From camera to gate: 150 ms at 50 parts/s, 115 to 214 ms at 30 % more and less."""
AHEAD_MM = 40.0
"""The gate decides so long before: 6 ms at the highest speed, some turns of the loop."""
TRIGGERED = {
    "TriggerSelector": "FrameStart",
    "TriggerMode": "On",
    "TriggerSource": "Line0",
    "CounterEventSource": "Line0",
}
_COUNTS = {"travel_by": "encoder", "travel": round(TRAVEL_MM * COUNTS_PER_MM), "ahead": round(AHEAD_MM * COUNTS_PER_MM)}
GATES: dict[str, GateSettings] = {
    "two encoders": GateSettings(match="encoder", window=200, believes_simulated=True, **_COUNTS),
    "time, then own encoder": GateSettings(match="time", window=5_000, believes_simulated=True, **_COUNTS),
}
"""Windows: 20 mm, and 5 ms of at least 15 ms from part to part."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens on the belt."""

    seconds: float = 60.0
    parts_per_s: float = 50.0
    bad_share: float = 0.1
    speed_share: float = 0.3
    kill_s: float = 1.5
    """The inspect process is killed, and not replaced for so long; once, after a third."""
    stall_s: float = 0.2
    stall_every_s: float = 1.94
    """97 parts."""
    seed: int = 1
    has_keys: bool = False
    """Whether the endpoints are encrypted, and each gate has a key."""
    sections: Mapping[str, Any] = field(default_factory=dict)
    """Further blocks of the line's configuration, such as gate timing once there is one."""


@dataclass(slots=True)
class Report:
    """What became of the parts at one gate."""

    parts: int = 0
    bad: int = 0
    escaped: int = 0
    """Bad parts that were released."""
    late_acts: int = 0
    """Parts that were released when they were past the gate."""
    held_up_ms: list[float] = field(default_factory=list)
    """Of those, how long the gate's program took from the encoder's count to the act. The gate decides 6 to 11 ms
    before a part is past it; one that was held up for longer could not know."""
    good_released: int = 0
    good_ejected: Counter[str] = field(default_factory=Counter)
    """Good parts that were rejected, by why."""
    undecided: int = 0
    """Parts at the sensor that got no decision; must be 0."""


class Troubles:
    """Kills and stalls the inspect process at their times."""

    def __init__(self, line: Line, plan: Plan) -> None:
        self._line, self._plan = line, plan
        self._began = time.monotonic()
        self._next_stall = plan.stall_every_s
        self._kill_at: float | None = plan.seconds / 3
        self._then: list[tuple[float, Callable[[], None]]] = []

    def turn(self) -> None:
        """Do what is due; never waits."""
        at = time.monotonic() - self._began
        due = [action for when, action in self._then if when <= at]
        self._then = [(when, action) for when, action in self._then if when > at]
        for action in due:
            action()
        if self._then:
            return
        if self._kill_at is not None and at >= self._kill_at:
            self._kill_at = None
            self._send("main", signal.SIGSTOP)  # nobody replaces it
            self._send("inspect", signal.SIGKILL)
            self._then.append((at + self._plan.kill_s, lambda: self._send("main", signal.SIGCONT)))
        elif at >= self._next_stall:
            self._next_stall = at + self._plan.stall_every_s
            if self._send("inspect", signal.SIGSTOP):
                self._then.append((at + self._plan.stall_s, lambda: self._send("inspect", signal.SIGCONT)))

    def _send(self, name: str, number: signal.Signals) -> bool:
        try:
            self._line.send(number, name)
        except (KeyError, ProcessLookupError):  # it is being replaced just now
            return False
        return True


def run_trial(plan: Plan, bundle: Path) -> dict[str, Report]:
    """Run one trial and return a report for each gate.

    Args:
        plan: What happens.
        bundle: A model of 64x64 grey tiles that tells dark spots from light metal.
    """
    with tempfile.TemporaryDirectory(prefix="belt-") as folder:
        is_bad = draw_parts(Path(folder) / "parts", plan.bad_share, plan.seed)
        camera = CameraConfig(exposure_us=99.9, encoder_modulus=MODULUS)
        config = SimulationConfig((camera,), (ConveyorConfig(0.0, SPACING_MM, COUNTS_PER_MM),))
        with Simulation(config, Path(folder) / "parts") as simulation:
            keys = _keys(Path(folder) / "keys") if plan.has_keys else None
            knobs = Knobs(
                sections=_sections(str(simulation.cti)) | dict(plan.sections),
                keys=keys,
                environment=simulation.environment(),
            )
            shape = (SIDE_PX, SIDE_PX, 1)
            subject = Subject("belt", bundle, Path(folder), Path(folder), shape, ((0, 0),), (SIDE_PX, SIDE_PX))
            belt = Belt(simulation.controls.conveyor, is_bad, plan.parts_per_s, plan.speed_share, plan.seed)
            with Line(subject, knobs) as line:
                return _run(plan, line, belt, keys)


def _keys(folder: Path) -> Path:
    """Make a folder of keys: the line's, one for each gate, and one that listens."""
    make_key(folder, "server", None)
    names = {"bench": Role.READ} | {f"gate-{i}": Role.GATE for i in range(len(GATES))}
    for name in names:
        make_key(folder, name, read_key(folder / "server.pub").public)
    found = [
        AuthorizedKey(name, role, read_key(folder / f"{name}.pub").public.decode()) for name, role in names.items()
    ]
    write_authorized(folder / LIST, found)
    return folder


def _sections(cti: str) -> dict[str, Any]:
    camera = {
        "kind": "genicam",
        "cti": cti,
        "serial": "SIM0001",
        "frame": {"height": SIDE_PX, "width": SIDE_PX, "channels": 1},
        "features": dict(TRIGGERED),
        "triggered": True,
        "trigger_count": {"source": "counter"},
        "encoder": {"counts_per_mm": COUNTS_PER_MM, "max_speed_mm_s": 20_000.0, "modulus": MODULUS},
    }
    # The deadline in time lies behind the slowest belt: it is the encoder that says when it is too late.
    return {"camera": camera, "decide": {"deadline_ms": 400.0}}


def _run(plan: Plan, line: Line, belt: Belt, keys: Path | None) -> dict[str, Report]:
    gates = {
        name: Gate(
            LINE,
            settings,
            consumer=f"gate-{i}",
            signals=line.signals,
            service=line.service,
            keys=None if keys is None else ClientKeys.load(keys / f"gate-{i}.key"),
        )
        for i, (name, settings) in enumerate(GATES.items())
    }
    reports = {name: Report() for name in gates}
    parts: list[int] = []
    troubles = Troubles(line, plan)
    ends = time.monotonic() + plan.seconds
    try:
        while True:
            is_over = time.monotonic() > ends
            if not is_over:
                belt.turn()
                troubles.turn()
            edges = [] if is_over else belt.edges()
            parts += [part for part, _, _ in edges]
            for name, gate in gates.items():
                for _, at_us, enc in edges:
                    gate.part(at_us, enc)
                asked_us, enc = now_us(), belt.enc()
                for decision in gate.step(0.0005, enc=enc):
                    held_us = now_us() - asked_us
                    _note(reports[name], belt, parts[decision.part - 1], decision.release, decision.why, held_us)
            if is_over and time.monotonic() > ends + 0.5:  # the belt runs on, so that all have come to the gate
                break
    finally:
        belt.stop()
        for gate in gates.values():
            gate.close()
    for report in reports.values():
        report.undecided = len(parts) - report.parts
    return reports


def _note(report: Report, belt: Belt, part: int, release: bool, why: Why, held_us: int = 0) -> None:
    report.parts += 1
    is_bad = belt.is_bad(part)
    report.bad += is_bad
    report.escaped += is_bad and release
    if release and belt.way_of(part) >= TRAVEL_MM * COUNTS_PER_MM:
        report.late_acts += 1
        report.held_up_ms.append(held_us / 1000)
    if not is_bad:
        report.good_released += release
        if not release:
            report.good_ejected[why.value] += 1
