"""A line from its start to its end: every trigger gets its verdict, and everybody hears it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import FRAME_HW, Line, wait_until
from prometheus_client.parser import text_string_to_metric_families
from witness import SIMULATED, Heard

from edge_inspector.acquire.plan import SyntheticPlan
from edge_inspector.acquire.synthetic import truth
from edge_inspector.core.frame import FrameShape

MakeLine = Callable[..., Line]
N = 2000
GROWTH_KB = 4 * 1024
"""Frames that were kept would be 10 MB for the 1500 parts after the first sample, 7 kB each. Measured: under 1 MB, also
over 20,000 parts."""


def anonymous_kb(pid: int) -> int | None:
    """Return the memory of a process that no file stands behind; None when it has ended.

    Not its share of all pages (PSS): that rises by megabytes when other processes with the same libraries end.
    """
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(row.split()[1]) for row in rows if row.startswith("Anonymous:")), None)


class MemoryWatch(threading.Thread):
    """Samples the memory of a line's processes until told to stop."""

    def __init__(self, pids: dict[str, int]) -> None:
        super().__init__(daemon=True)
        self._pids, self._enough = pids, threading.Event()
        self.samples_kb: dict[str, list[int]] = defaultdict(list)

    def run(self) -> None:
        while not self._enough.wait(0.05):
            for name, pid in self._pids.items():
                if kb := anonymous_kb(pid):
                    self.samples_kb[name].append(kb)

    def stop(self) -> None:
        self._enough.set()
        self.join()


def covers(verdict: Heard, y: int, x: int) -> bool:
    """Return whether a defect of a verdict covers a pixel."""
    boxes = verdict.body["defects"]
    return any(b["x"] <= x < b["x"] + b["w"] and b["y"] <= y < b["y"] + b["h"] for b in boxes)


@pytest.mark.timeout(120)
def test_two_thousand_parts_get_the_right_verdict_in_order_and_memory_stays_flat(make_line: MakeLine) -> None:
    line = make_line(camera={"count": N, "defect_every": 5, "seed": 3})
    witness = line.listen()
    line.start()
    witness.wait_for_verdicts(500)
    watch = MemoryWatch(line.children() | {"main": line.pid})
    watch.start()

    code = line.wait_exit(90)
    watch.stop()
    line.end_listeners()

    verdicts = witness.messages("verdict")
    plan = SyntheticPlan("cam0", FrameShape(*FRAME_HW, 1), None, N, 5, 3)
    spots = {frame_id: truth(plan, frame_id) for frame_id in range(1, N + 1)}
    assert code == 0
    assert witness.violations(drained=True) == []
    assert [v.head.seq for v in verdicts] == list(range(1, N + 1))
    assert [v.body["frame_id"] for v in verdicts] == list(range(1, N + 1))
    assert {v.head.flags & SIMULATED for v in verdicts} == {SIMULATED}
    rejected = {v.body["frame_id"] for v in verdicts if v.body["verdict"] == "REJECT"}
    assert rejected == {frame_id for frame_id, spot in spots.items() if spot is not None}
    assert rejected == {frame_id for frame_id in range(1, N + 1) if frame_id % 5 == 0}
    astray = [v.head.seq for v in verdicts if (s := spots[v.body["frame_id"]]) is not None and not covers(v, s.y, s.x)]
    assert astray == []
    assert witness.messages("hb")[-1].body["triggers"] == N
    assert set(watch.samples_kb) == {"main", "camera", "inspect"}
    growth_kb = {name: max(samples) - samples[0] for name, samples in watch.samples_kb.items()}
    assert max(growth_kb.values()) < GROWTH_KB, growth_kb


@pytest.mark.fault(
    25,
    injected="SIGTERM at 100 parts a second",
    seen="what was accepted is judged; last heartbeat Halted, nothing in flight, exit 0",
    noticed="with the call",
)
@pytest.mark.timeout(60)
def test_a_stop_request_drains_and_ends_halted(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 100.0})
    witness = line.listen()
    line.start()
    witness.wait_for("hb", lambda m: m.body["ready"])
    witness.wait_for_verdicts(50)

    code = line.stop()

    last = witness.messages("hb")[-1]
    assert code == 0
    assert witness.violations(drained=True) == []
    assert last.body["triggers"] == len(witness.messages("verdict"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_long_drain_and_announces_what_is_lost(make_line: MakeLine, second: int) -> None:
    line = make_line(camera={"rate_hz": 100.0})
    witness = line.listen()
    line.start()
    witness.wait_for_verdicts(20)
    inspect = line.child("inspect")
    line.children()
    os.kill(inspect, signal.SIGSTOP)
    in_flight_before = len(witness.messages("metrics"))
    witness.wait_for("metrics", lambda m: in_flight(m) >= 5, after=in_flight_before)

    os.kill(line.pid, signal.SIGTERM)
    # Not for a state: the stopped child may have lost the line its readiness before the signal came, and two signals
    # of one kind that come before the first is handled are one.
    wait_until(lambda: " stopping " in line.stderr(), 10.0, "the first signal to be taken")
    os.kill(line.pid, second)
    code = line.wait_exit(5)
    line.end_listeners()

    lost = [m.body["range"] for m in witness.messages("event") if m.body["name"] == "parts_lost"]
    judged = {m.head.part_id for m in witness.messages("verdict")}
    assert code == 70
    assert len(lost) == 1
    assert judged.isdisjoint(range(lost[0][0], lost[0][1] + 1))
    assert lost[0][1] - lost[0][0] + 1 >= 5
    assert witness.violations() == []
    kept = json.loads((line.folder / "state" / "part_numbers.json").read_text())
    assert not kept["clean"], "the next start would not announce them to clients that come then"
    assert kept["judged_below"] <= lost[0][0] < lost[0][1] < kept["mark"]


def in_flight(metrics: Heard) -> float:
    """Return the parts without a verdict that a metrics message tells of."""
    families = {family["name"]: family for family in metrics.body["families"]}
    return float(families["edge_inspector_parts_in_flight"]["samples"][0][2])


@pytest.mark.fault(
    37,
    injected="SIGSTOP to a subscriber",
    seen="the other has every verdict",
    noticed="no effect",
)
@pytest.mark.timeout(60)
def test_a_subscriber_that_hangs_delays_nobody(make_line: MakeLine) -> None:
    line = make_line(camera={"count": 1000, "wait_for_subscribers": 2})
    witness, hung = line.listen(), line.listen("hung")
    line.start()
    witness.wait_for_verdicts(1)
    os.kill(hung.process.pid, signal.SIGSTOP)

    code = line.wait_exit(40)
    line.end_listeners()

    assert code == 0
    assert witness.violations(drained=True) == []
    assert len(witness.messages("verdict")) == 1000


def page_samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def message_samples(message: Heard) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (family["name"] + suffix, frozenset(labels.items())): float(value)
        for family in message.body["families"]
        for suffix, labels, value in family["samples"]
    }


@pytest.mark.timeout(60)
def test_the_metrics_page_shows_exactly_a_snapshot_that_telemetry_carried(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 100.0})
    witness = line.listen()
    line.start()
    witness.wait_for_verdicts(30)
    witness.wait_for("metrics", lambda m: m.head.seq >= 30)

    page = page_samples(line.page())
    witness.wait_for("metrics", lambda m: True, after=len(witness.messages("metrics")))
    code = line.stop()

    snapshots = [message_samples(message) for message in witness.messages("metrics")]
    totals = witness.messages("hb")[-1].body
    last = snapshots[-1]
    assert code == 0
    assert page in snapshots
    for key in ("triggers", "passes", "rejects", "unknowns"):
        assert last[(f"edge_inspector_{key}_total", frozenset())] == totals[key]
    by_reason = sum(value for (name, _), value in last.items() if name == "edge_inspector_verdicts_total")
    assert by_reason == totals["triggers"]
    assert witness.violations(drained=True) == []
