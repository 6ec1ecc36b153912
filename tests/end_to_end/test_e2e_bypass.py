"""Bypass from outside: switched by the program, heard by a witness, ended by time, whatever hangs or dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from daemon import Line, Listener, wait_until
from witness import BYPASS, REJECT, Heard

MakeLine = Callable[..., Line]
CAMERA = {"rate_hz": 60.0, "defect_every": 3}
SECONDS_2 = "0.0334"


def program(line: Line, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `edge-inspector bypass …` for a line, to its end."""
    command = [sys.executable, "-m", "edge_inspector.cli.main", "bypass", *words, "--config", str(line.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert "Traceback" not in done.stderr
    return done


def status(line: Line) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(program(line, "status", "--json").stdout)
    return said


def running(line: Line) -> Listener:
    """Start a line with a witness; return the witness once a part was rejected."""
    witness = line.listen()
    line.start()
    witness.wait_for("verdict", lambda m: m.body["verdict"] == "REJECT")
    witness.wait_for("hb", lambda m: m.body["ready"])
    return witness


def would_reject(message: Heard) -> bool:
    return bool(message.body["n_defect_tiles"] > 0)


def event(witness: Listener, name: str) -> Heard:
    return witness.wait_for("event", lambda m: m.body["name"] == name)


def audit(line: Line) -> list[dict[str, Any]]:
    return [json.loads(row) for row in (line.folder / "state" / "audit.jsonl").read_text().splitlines()]


@pytest.mark.timeout(90)
def test_defects_pass_flagged_in_every_message_until_a_person_ends_it(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA, evidence={"folder": "evidence", "keep": ["REJECT"]})
    witness = running(line)

    switched_on = program(line, "on", "--minutes", "5", "--reason", "teach the gate")
    passed = witness.wait_for("verdict", lambda m: m.has(BYPASS) and would_reject(m))
    for kind in ("hb", "metrics"):
        witness.wait_for(kind, lambda m: m.has(BYPASS))
    wait_until(lambda: line.figure("bypass") == 1.0, 10, "the metric of bypass to rise")
    page_on = (line.figure("bypass"), line.figure("bypass_seconds_left"))
    late_comer = line.listen("late")
    told = event(late_comer, "bypass_on")
    switched_off = program(line, "off")
    event(witness, "bypass_off")
    again = witness.wait_for("verdict", lambda m: m.body["verdict"] == "REJECT" and m.head.seq > passed.head.seq)
    wait_until(lambda: line.figure("bypass") == 0.0, 5, "the metric of bypass to fall")
    code = line.stop()

    assert (switched_on.returncode, switched_off.returncode, code) == (0, 0, 0)
    assert "BYPASS IS ON" in switched_on.stdout
    assert "teach the gate" in switched_on.stdout
    assert "bypass is off" in switched_off.stdout
    assert (passed.body["verdict"], passed.body["reason"], passed.body["bypass"]) == ("PASS", "bypass", True)
    assert passed.body["evidence_id"] is not None, "what would have been rejected keeps its picture"
    assert passed.body["defects"] != []
    assert not passed.has(REJECT)
    assert page_on[0] == 1.0
    assert page_on[1] is not None
    assert 0 < page_on[1] <= 300
    assert (told.body["reason"], told.has(BYPASS)) == ("teach the gate", True)
    assert not again.has(BYPASS)
    assert witness.violations(drained=True) == []
    assert late_comer.violations(drained=True, joined_late=True) == []
    entries = audit(line)
    assert [entry["event"] for entry in entries] == ["line_started", "bypass_on", "bypass_off", "line_stopped"]
    assert (entries[1]["uid"], entries[1]["reason"], entries[1]["minutes"]) == (os.getuid(), "teach the gate", 5.0)
    assert (entries[2]["why"], entries[2]["uid"]) == ("person", os.getuid())


@pytest.mark.timeout(90)
def test_bypass_ends_by_itself_while_main_stands_still_and_no_request_of_that_time_works_later(
    make_line: MakeLine,
) -> None:
    line = make_line(camera=CAMERA)
    witness = running(line)
    assert program(line, "on", "--minutes", SECONDS_2).returncode == 0
    until_us = event(witness, "bypass_on").body["until_utc_us"]

    os.kill(line.pid, signal.SIGSTOP)
    wait_until(lambda: time.time_ns() // 1000 > until_us, 10, "the end of the time")
    heard = len(witness.messages("verdict"))
    rejected = witness.wait_for("verdict", lambda m: m.body["verdict"] == "REJECT", after=heard)
    asked = program(line, "on", "--minutes", "5")
    os.kill(line.pid, signal.SIGCONT)
    off = event(witness, "bypass_off")
    after = status(line)
    code = line.stop()

    assert not rejected.has(BYPASS)
    assert asked.returncode == 70
    assert "did not answer" in asked.stderr
    assert off.body["why"] == "time"
    assert after["bypass"] is False
    assert code == 0
    assert witness.violations(drained=True) == []
    assert [entry["event"] for entry in audit(line)].count("bypass_on") == 1


@pytest.mark.timeout(120)
def test_a_respawned_inspect_process_keeps_it_unjudged_parts_stay_unknown_and_a_new_start_is_off(
    make_line: MakeLine,
) -> None:
    line = make_line(camera=CAMERA)
    witness = running(line)
    assert program(line, "on", "--minutes", "5").returncode == 0
    witness.wait_for("verdict", lambda m: m.has(BYPASS))

    killed = line.child("inspect")
    os.kill(killed, signal.SIGSTOP)
    wait_until(lambda: (line.figure("parts_in_flight") or 0) >= 10, 10, "parts in flight")
    os.kill(killed, signal.SIGKILL)
    lost = witness.wait_for("verdict", lambda m: m.body["reason"] == "process_lost")
    passed = witness.wait_for(
        "verdict", lambda m: m.body["reason"] == "bypass" and would_reject(m) and m.head.seq > lost.head.seq
    )
    stopped = line.stop()
    last = witness.messages("hb")[-1].body["head_seq"]
    witness_2 = line.listen("second")
    line.start()
    again = witness_2.wait_for("verdict", lambda m: m.body["verdict"] == "REJECT" and m.head.seq > last)
    now = status(line)
    code = line.stop()

    assert (lost.body["verdict"], lost.body["bypass"], lost.has(REJECT)) == ("UNKNOWN", True, True)
    assert passed.has(BYPASS)
    assert not again.has(BYPASS)
    assert (now["bypass"], stopped, code) == (False, 0, 0)
    assert witness.violations(drained=True) == []
    assert witness_2.violations(drained=True, joined_late=True) == []
    entries = [(entry["event"], entry.get("why")) for entry in audit(line)]
    assert entries[1:4] == [("bypass_on", None), ("bypass_off", "stop"), ("line_stopped", None)]


@pytest.mark.timeout(90)
def test_a_killed_daemon_leaves_no_bypass_and_no_socket_that_is_in_the_way(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA)
    running(line)
    assert program(line, "on").returncode == 0
    line.children()
    os.kill(line.pid, signal.SIGKILL)
    assert line.process is not None
    line.process.wait()

    nobody = program(line, "off")
    line.start()
    wait_until(lambda: (line.figure("triggers_total") or 0) > 0, 40, "the second start")
    now = status(line)
    on = program(line, "on", "--minutes", "1")
    off = program(line, "off")
    code = line.stop()

    assert nobody.returncode == 70
    assert "no daemon runs" in nobody.stderr
    assert (now["bypass"], on.returncode, off.returncode, code) == (False, 0, 0, 0)
    assert not (line.folder / "state" / "control.sock").exists()


@pytest.mark.timeout(60)
def test_a_line_that_does_not_allow_it_refuses(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA, bypass={"allowed": False})
    witness = running(line)

    refused = program(line, "on")
    code = line.stop()

    assert refused.returncode == 64
    assert "bypass.allowed" in refused.stderr
    assert code == 0
    assert witness.violations(drained=True) == []
    assert not any(m.has(BYPASS) for m in witness.messages())
    assert [entry["event"] for entry in audit(line)] == ["line_started", "line_stopped"]
