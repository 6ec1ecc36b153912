"""Drill mode and the drill itself against the real daemon: every plug is pulled, and a bad gate is found out."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from daemon import Line, wait_until
from witness import DRILL

from edge_inspector.app.drilling import Wish, run_drill
from edge_inspector.client import Decision, Gate, GateSettings, Why

MakeLine = Callable[..., Line]
CAMERA = {"rate_hz": 20.0, "defect_every": 5, "wait_for_subscribers": 0}
PROGRAM = [sys.executable, "-m", "edge_inspector.cli.main", "drill"]


def program(line: Line, *words: str, timeout_s: float = 100) -> subprocess.CompletedProcess[str]:
    """Run `edge-inspector drill …` to its end."""
    command = [*PROGRAM, *words, "--config", str(line.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert "Traceback" not in done.stderr
    return done


def running(line: Line) -> Line:
    """Start a line, and return it once parts are judged."""
    line.start()
    wait_until(lambda: line.figure("ready") == 1.0, 40, "the line to be ready")
    line.children()
    return line


def audit(line: Line) -> list[tuple[str, str | None]]:
    rows = [json.loads(row) for row in (line.folder / "state" / "audit.jsonl").read_text().splitlines()]
    return [(row["event"], row.get("why")) for row in rows]


@pytest.mark.timeout(180)
def test_every_plug_is_pulled_and_a_line_that_the_drill_started_passes(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA)

    done = program(line, "--start", "--yes", "--reason", "monthly", "--json", timeout_s=170)

    report: dict[str, Any] = json.loads(done.stdout)
    results = {drill["name"]: drill["result"] for drill in report["drills"]}
    assert results == dict.fromkeys(results, "pass"), done.stdout
    assert set(results) == {
        "inspect-killed", "inspect-frozen", "camera-lost", "subscriber-restarted", "journal-unwritable",
        "model-failing", "main-killed",
    }  # fmt: skip
    assert (done.returncode, report["passed"], report["reason"]) == (0, True, "monthly")
    assert all(drill["rejected"] > 0 for drill in report["drills"])
    reasons = {drill["name"]: drill["reasons"] for drill in report["drills"]}
    assert reasons["inspect-frozen"]["process_lost"] > 0
    assert reasons["model-failing"]["model_error"] == 5
    assert len({drill["epoch"] for drill in report["drills"]}) == 1
    assert [path.suffix for path in sorted((line.folder / "state" / "drills").glob("drill-*"))] == [".json", ".md"]
    assert audit(line).count(("drill_on", "restart")) == 1  # main was killed in the drill, and came back into it
    assert audit(line)[-2:] == [("drill_off", "person"), ("line_stopped", None)]
    assert acknowledged(line) == []  # what the drill's gate did is nothing for the line's record


def acknowledged(line: Line) -> list[Any]:
    base = sqlite3.connect(line.folder / "state" / "consumers.db")
    try:
        return base.execute("SELECT consumer FROM acks UNION SELECT consumer FROM outcomes").fetchall()
    finally:
        base.close()


class Reckless:
    """A gate that releases whatever comes, once it was armed: it never disarms, and believes every verdict for ever."""

    def __init__(self, settings: GateSettings, gate: Gate) -> None:
        self._gate, self.is_armed, self.why = gate, False, ""

    def step(self, timeout_s: float) -> list[Decision]:
        decisions = self._gate.step(timeout_s)
        self.is_armed = self.is_armed or self._gate.is_armed
        return [Decision(one.part, True, Why.PASS, one.seen_us, one.part_id, one.seq) for one in decisions]

    def part(self, at_us: int) -> int:
        return self._gate.part(at_us)

    def close(self) -> None:
        self._gate.close()


@pytest.mark.timeout(200)
def test_a_gate_that_keeps_releasing_fails_every_drill(make_line: MakeLine, tmp_path: Path) -> None:
    line = make_line(camera=CAMERA)
    service, signals = line.endpoints["service"], line.endpoints["signals"]

    done = run_drill(
        Wish(line.config, yes=True, reason="a bad gate", start=True, output=tmp_path / "report.md"),
        lambda _: None,
        lambda settings: Reckless(settings, Gate("e2e", settings, consumer=None, signals=signals, service=service)),
    )

    text = (tmp_path / "report.md").read_text()
    broken = {
        drill["name"]: [check["rule"] for check in drill["checks"] if not check["is_kept"]]
        for drill in done.report["drills"]
    }
    assert not done.is_passed
    assert len(broken) == 7
    assert all("nothing released on a stale word" in rules for rules in broken.values()), broken
    assert broken["inspect-frozen"] == ["gate disarms", "nothing released on a stale word"]
    assert broken["journal-unwritable"] == ["gate disarms", "nothing released on a stale word"]
    assert text.startswith("# Drill of line e2e: FAIL")
    assert "**BROKEN**: gate disarms: never" in text


@pytest.mark.timeout(90)
def test_every_message_is_flagged_until_it_ends_by_itself(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA | {"wait_for_subscribers": 1})
    witness = line.listen()
    running(line)

    on = program(line, "on", "--minutes", "0.15", "--reason", "look")
    late = line.listen("late")
    late.wait_for("state", lambda m: m.has(DRILL))  # whoever comes later is told the state at once
    for kind in ("verdict", "hb", "metrics", "event"):
        witness.wait_for(kind, lambda m: m.has(DRILL))
    over = witness.wait_for("event", lambda m: m.body["name"] == "drill_off")
    after = witness.wait_for("verdict", lambda m: not m.has(DRILL) and m.head.t_utc_us > over.head.t_utc_us)
    now = program(line, "status")
    code = line.stop()

    assert on.returncode == 0
    assert "IN A DRILL" in on.stdout
    assert over.body["why"] == "time"
    assert after.body["seq"] > 0
    assert "at work" in now.stdout
    assert code == 0
    assert witness.violations(drained=True) == []


@pytest.mark.timeout(90)
def test_who_does_not_say_so_or_may_not_is_refused_and_nothing_is_pulled(make_line: MakeLine) -> None:
    line = running(make_line(camera=CAMERA, drill={"allowed": False}))
    before = line.children()

    silent = program(line)
    forbidden = program(line, "--yes", "--reason", "try")
    unknown = program(line, "--only", "power-cut")
    mute = program(line, "--yes")
    twice = program(line, "--start", "--yes", "--reason", "try")
    after = line.children()
    code = line.stop()
    gone = program(line)

    assert [each.returncode for each in (silent, forbidden, unknown, mute, twice, gone)] == [64, 64, 64, 64, 64, 70]
    assert "--yes" in silent.stderr
    assert "drill.allowed" in forbidden.stderr
    assert "inspect-killed" in unknown.stderr
    assert "--reason" in mute.stderr
    assert "runs already" in twice.stderr
    assert (before, code) == (after, 0)


@pytest.mark.timeout(90)
def test_a_main_that_nothing_starts_again_is_not_killed(make_line: MakeLine) -> None:
    line = running(make_line(camera=CAMERA))

    done = program(line, "--yes", "--reason", "try", "--only", "main-killed", "--json")
    code = line.stop()

    assert done.returncode == 1
    assert "nothing starts this daemon again" in json.loads(done.stdout)["drills"][0]["not_run"]
    assert code == 0


@pytest.mark.timeout(90)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_interrupts_leaves_the_line_at_work_and_the_plug_in(
    number: signal.Signals, make_line: MakeLine
) -> None:
    line = running(make_line(camera=CAMERA))
    frozen = line.child("inspect")
    command = [*PROGRAM, "--config", str(line.config), "--yes", "--reason", "try", "--only", "inspect-frozen"]
    drill = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    wait_until(lambda: stopped(frozen), 40, "the inspect process to be frozen")
    drill.send_signal(number)
    drill.send_signal(signal.SIGTERM)  # an impatient person does not leave the line in drill mode
    drill.communicate(timeout=30)
    turns = not stopped(frozen)
    mode = program(line, "status")
    code = line.stop()

    assert drill.returncode == 130
    assert turns
    assert "at work" in mode.stdout
    assert code == 0


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
