"""A camera that is lost and comes back, again and again: nothing of it stays behind in the line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from daemon import FRAME_HW, Line, Listener, wait_until
from noticing import Noticed

from edge_inspector.simulator.build import find_compiler
from edge_inspector.simulator.config import CameraConfig, ConveyorConfig, SimulationConfig
from edge_inspector.simulator.rehearsal import Simulation

if find_compiler() is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

MakeLine = Callable[..., Line]
FEW, MANY = 10, 1000
WARM_UP = 8
"""Cycles until every process has what it will need."""
GROWTH_MB = 6.0
"""Over ten losses less than one node map or process's worth of anything; a heap by itself did 5.4 MB once on a busy
computer, below 1 MB else."""
PARTS_PER_S = 20.0
LIMIT_S = 20.0
# The pause before a process that died soon is started again is all that is left out: it makes minutes of seconds.
WITHOUT_PAUSE = """
from edge_inspector.cli.main import main
from edge_inspector.run import watch
watch.STEADY_NS = 0
main()
"""


@dataclass(frozen=True)
class Holdings:
    """What the processes that stay have of this computer."""

    main_mb: float
    inspect_mb: float
    main_fds: int
    inspect_fds: int
    shared_memories: int
    """Descriptors of our memfds in main: the line's one, none of a child that was started."""
    dead_children: int
    threads: int
    """Of both."""


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    height, width = FRAME_HW
    camera = CameraConfig("SIM0001", width=width, height=height, linger_ms=0)
    with Simulation(SimulationConfig((camera,), (ConveyorConfig.at_rate(PARTS_PER_S),))) as made:
        yield made


@pytest.mark.fault(
    3,
    injected="the simulated camera is lost and comes back ten times",
    seen="found again by a fresh process each time; no descriptor, thread or memory stays in main or inspect",
)
def test_a_few_losses_leave_nothing_behind(make_line: MakeLine, simulation: Simulation, noticed: Noticed) -> None:
    _lose_and_find(_started(make_line(), simulation), simulation, FEW, noticed)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_thousand_losses_leave_nothing_behind(make_line: MakeLine, simulation: Simulation) -> None:
    _lose_and_find(_started(make_line(), simulation), simulation, MANY, Noticed())


def _started(line: Line, simulation: Simulation) -> Line:
    config = yaml.safe_load(line.config.read_text())
    height, width = FRAME_HW
    config["camera"] = {
        "kind": "genicam",
        "cti": str(simulation.cti),
        "frame": {"height": height, "width": width, "channels": 1},
        "features": {"TriggerSelector": "FrameStart", "TriggerMode": "On", "TriggerSource": "Line0"},
        "triggered": True,
    }
    line.config.write_text(yaml.safe_dump(config))
    return line.start(env=simulation.environment(), program=("-c", WITHOUT_PAUSE))


def _lose_and_find(line: Line, simulation: Simulation, cycles: int, noticed: Noticed) -> None:
    witness = line.listen()
    _wait_for_a_judged_part(witness)
    inspect, pids = line.child("inspect"), {line.child("camera")}
    before = None

    for cycle in range(cycles):
        if cycle == WARM_UP:
            before = _holdings(line)
        beats = len(witness.messages("hb"))
        simulation.controls.camera.lose()
        noticed.injected()
        witness.wait_for("hb", lambda m: not m.body["ready"], after=beats, timeout_s=LIMIT_S)
        noticed.seen()
        simulation.controls.camera.come_back()
        _wait_for_a_judged_part(witness)
        pids.add(line.child("camera"))

    assert before is not None
    after = wait_until(lambda: _as_little(line, before), LIMIT_S, f"what main held before: {before}, {_holdings(line)}")
    assert after.main_mb - before.main_mb < GROWTH_MB
    assert after.inspect_mb - before.inspect_mb < GROWTH_MB
    assert line.child("inspect") == inspect
    assert len(pids) == cycles + 1  # a fresh process after each loss
    assert line.stop() == 0
    assert witness.violations(drained=True, joined_late=True) == []  # a camera waits for no witness


def _wait_for_a_judged_part(witness: Listener) -> None:
    n = len(witness.messages("verdict"))
    witness.wait_for("verdict", lambda m: m.body["verdict"] in ("PASS", "REJECT"), after=n)


def _as_little(line: Line, before: Holdings) -> Holdings | None:
    """Return what is held once no descriptor, memory or dead child is more than before."""
    now = _holdings(line)
    is_more = (
        now.main_fds > before.main_fds
        or now.inspect_fds > before.inspect_fds
        or now.shared_memories > before.shared_memories
        or now.dead_children
        or now.threads > before.threads
    )
    return None if is_more else now


def _holdings(line: Line) -> Holdings:
    inspect = line.child("inspect")
    files = [os.readlink(fd) for fd in Path(f"/proc/{line.pid}/fd").iterdir()]
    return Holdings(
        _pss_mb(line.pid),
        _pss_mb(inspect),
        len(files),
        len(os.listdir(f"/proc/{inspect}/fd")),
        sum("memfd:edge-inspector" in file for file in files),
        sum(_is_dead(pid) for pid in line.children().values()),
        sum(len(os.listdir(f"/proc/{pid}/task")) for pid in (line.pid, inspect)),
    )


def _pss_mb(pid: int) -> float:
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1000


def _is_dead(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
