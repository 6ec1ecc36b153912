"""Processes that are killed or hang: no part without a verdict or an announcement, nobody left behind."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable

import pytest
import zmq
from daemon import Client, Line, Listener, wait_until
from noticing import Noticed

MakeLine = Callable[..., Line]
RATE = {"rate_hz": 100.0}


def running(line: Line) -> Listener:
    """Start a line with a witness; return the witness once the line is at work."""
    witness = line.listen()
    line.start()
    witness.wait_for_verdicts(30)
    witness.wait_for("hb", lambda m: m.body["ready"] and m.body["head_seq"] >= 20)
    return witness


def waits_for_parts(line: Line, n: int) -> None:
    """Wait until so many accepted parts have no verdict."""
    wait_until(lambda: (line.figure("parts_in_flight") or 0) >= n, 10, f"{n} parts in flight")


def all_seqs(witness: Listener) -> list[int]:
    return sorted({m.head.seq for m in witness.messages("verdict")})


@pytest.mark.fault(
    24,
    injected="SIGKILL to the inspect process with ten parts waiting",
    seen="an event, not ready; replaced; what waited is UNKNOWN `process_lost`, then it is ready",
)
@pytest.mark.timeout(90)
def test_a_killed_inspect_process_is_replaced_and_its_parts_become_process_lost(
    make_line: MakeLine, noticed: Noticed
) -> None:
    line = make_line(camera=RATE)
    witness = running(line)
    killed = line.child("inspect")
    os.kill(killed, signal.SIGSTOP)
    waits_for_parts(line, 10)
    heard_before = len(witness.messages("hb"))

    os.kill(killed, signal.SIGKILL)
    noticed.injected()
    witness.wait_for("event", lambda m: m.body["name"] == "inspect_process_lost")
    noticed.seen()
    again = witness.wait_for("hb", lambda m: m.body["ready"], after=heard_before)
    more = len(witness.messages("verdict")) + 30
    witness.wait_for_verdicts(more)
    code = line.stop()

    reasons = [m.body["reason"] for m in witness.messages("verdict")]
    last = witness.messages("hb")[-1].body
    assert code == 0
    assert witness.violations(drained=True) == []
    assert len({m.head.epoch for m in witness.messages()}) == 1
    assert reasons.count("process_lost") >= 10
    assert again.body["unknowns"] >= 10, "ready again before the lost parts had their verdict"
    assert all_seqs(witness) == list(range(1, last["triggers"] + 1))
    assert line.children() == {}


@pytest.mark.timeout(90)
def test_an_inspect_process_killed_at_any_moment_numbers_nothing_twice(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 500.0})
    witness = running(line)

    for _ in range(3):
        beats = len(witness.messages("hb"))
        os.kill(line.child("inspect"), signal.SIGKILL)
        witness.wait_for("hb", lambda m: m.body["ready"], after=beats)
    code = line.stop()

    assert code == 0
    assert witness.violations(drained=True) == []
    assert all_seqs(witness) == list(range(1, witness.messages("hb")[-1].body["triggers"] + 1))


@pytest.mark.fault(
    24,
    injected="SIGKILL to the camera process",
    seen="an event, not ready; replaced; every trigger keeps its verdict",
)
@pytest.mark.timeout(90)
def test_a_killed_camera_process_is_replaced_and_every_trigger_keeps_its_verdict(
    make_line: MakeLine, noticed: Noticed
) -> None:
    line = make_line(camera=RATE)
    witness = running(line)
    beats = len(witness.messages("hb"))

    os.kill(line.child("camera"), signal.SIGKILL)
    noticed.injected()
    witness.wait_for("event", lambda m: m.body["name"] == "camera_process_lost")
    noticed.seen()
    down = witness.wait_for("hb", lambda m: not m.body["ready"], after=beats)
    n_before = len(witness.messages("verdict"))
    witness.wait_for("hb", lambda m: m.body["ready"] and m.body["head_seq"] > n_before + 20, after=beats)
    code = line.stop()

    assert code == 0
    assert "camera" in down.body["faults"]
    assert witness.violations(drained=True) == []
    assert {m.body["reason"] for m in witness.messages("verdict")} <= {"ok", "defect", "camera_lost"}
    assert all_seqs(witness) == list(range(1, witness.messages("hb")[-1].body["triggers"] + 1))


@pytest.mark.timeout(90)
def test_nothing_outlives_a_killed_main_process_and_its_numbers_are_not_used_again(make_line: MakeLine) -> None:
    line = make_line(camera=RATE)
    witness = running(line)
    children = line.children()

    os.kill(line.pid, signal.SIGKILL)
    assert line.wait_exit(10) == -signal.SIGKILL
    former = witness.messages("verdict")
    beats = len(witness.messages("hb"))
    line.start()
    witness.wait_for("hb", lambda m: m.body["ready"], after=beats)
    witness.wait_for_verdicts(len(former) + 30)
    lost = witness.wait_for("event", lambda m: m.body["name"] == "parts_lost", timeout_s=5).body["range"]
    code = line.stop()

    later = witness.messages("verdict")[len(former) :]
    assert sorted(children) == ["camera", "inspect"]
    assert code == 0
    assert witness.violations(drained=True) == []
    assert {m.head.epoch for m in witness.messages()} == {former[0].head.epoch}, "the journal was whole"
    assert min(m.head.part_id for m in later) > max(m.head.part_id for m in former)
    assert min(m.head.seq for m in later) > max(m.head.seq for m in former)
    last_judged = max(m.head.part_id for m in former)
    assert lost[0] >= last_judged + 1, "what the journal has is not lost"
    assert lost[1] == min(m.head.part_id for m in later) - 1


@pytest.mark.timeout(90)
def test_parts_whose_loss_nobody_could_hear_of_are_announced_by_the_next_run_and_not_for_ever(
    make_line: MakeLine,
) -> None:
    line = make_line(camera=RATE)
    witness = running(line)
    os.kill(line.pid, signal.SIGKILL)
    line.wait_exit(10)
    line.end_listeners()
    line.start()  # nobody listens
    wait_until(lambda: "parts_lost" in line.stderr(), 20, "the loss in the log")
    os.kill(line.pid, signal.SIGKILL)
    line.wait_exit(10)

    line.start()
    deaf = line.listen("second")
    first = deaf.wait_for("event", lambda m: m.body["name"] == "parts_lost").body["range"]
    second = deaf.wait_for("event", lambda m: m.body["name"] == "parts_lost" and m.body["range"] != first)
    assert line.stop() == 0
    line.end_listeners()
    line.start()
    late = line.listen("third")
    late.wait_for("hb", lambda m: m.body["ready"])
    code = line.stop()

    assert code == 0
    assert first[0] > max(m.head.part_id for m in witness.messages("verdict"))
    assert first[1] < second.body["range"][0]
    assert [m for m in late.messages("event") if m.body["name"] == "parts_lost"] == []


@pytest.mark.timeout(60)
def test_an_inspect_process_that_stops_falls_silent_and_makes_up_when_it_goes_on(make_line: MakeLine) -> None:
    line = make_line(camera=RATE)
    witness = running(line)
    stopped = line.child("inspect")
    states = len(witness.messages("state"))

    os.kill(stopped, signal.SIGSTOP)
    silent = witness.wait_for("state", lambda m: m.body["state"] == "Preoperational", after=states)
    beats = len(witness.messages("hb"))
    with Client(line, zmq.DEALER) as client:
        hello = client.ask(json.dumps({"op": "hello", "id": 1, "consumer": "gate"}).encode())
    os.kill(stopped, signal.SIGCONT)
    witness.wait_for("hb", lambda m: m.body["ready"], after=beats)
    code = line.stop()

    assert "heartbeat" in silent.body["reason"]
    assert hello["ready"] is False
    assert hello["hb_age_ms"] > hello["lease_ms"]
    assert code == 0
    assert witness.violations(drained=True) == []
    assert {m.body["reason"] for m in witness.messages("verdict")} <= {"ok", "defect", "overrun"}


@pytest.mark.fault(
    18,
    injected="SIGSTOP to the inspect process",
    seen="state Preoperational after a lease without a heartbeat; killed after 5 s, replaced; its parts UNKNOWN",
)
@pytest.mark.timeout(90)
def test_an_inspect_process_that_stays_stopped_is_replaced(make_line: MakeLine, noticed: Noticed) -> None:
    line = make_line(camera=RATE)
    witness = running(line)
    stopped = line.child("inspect")

    states = len(witness.messages("state"))
    os.kill(stopped, signal.SIGSTOP)
    noticed.injected()
    witness.wait_for("state", lambda m: m.body["state"] == "Preoperational", after=states)
    noticed.seen()
    witness.wait_for("event", lambda m: m.body["name"] == "inspect_process_lost", timeout_s=20)
    beats = len(witness.messages("hb"))
    witness.wait_for("hb", lambda m: m.body["ready"], after=beats)
    code = line.stop()

    assert line.has_ended(stopped, 0.0)
    assert code == 0
    assert witness.violations(drained=True) == []
    assert any(m.body["reason"] == "process_lost" for m in witness.messages("verdict"))
    assert all_seqs(witness) == list(range(1, witness.messages("hb")[-1].body["triggers"] + 1))


@pytest.mark.fault(
    9,
    injected="parts go on while the inspect process is stopped, until the ring is full",
    seen="UNKNOWN `overrun` for what found no room; every trigger has its verdict",
    noticed="with the part",
)
@pytest.mark.timeout(60)
def test_a_stop_with_a_full_ring_still_gives_every_trigger_its_verdict(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 60.0}, ring={"records": 64, "slots": 6, "evidence_slots": 2})
    witness = running(line)
    stopped = line.child("inspect")
    line.children()
    os.kill(stopped, signal.SIGSTOP)
    waits_for_parts(line, 90)

    line.process.send_signal(signal.SIGTERM)  # type: ignore[union-attr]
    os.kill(stopped, signal.SIGCONT)
    code = line.wait_exit(20)
    line.end_listeners()

    last = witness.messages("hb")[-1].body
    assert code == 0
    assert (last["state"], last["in_flight"]) == ("Halted", 0)
    assert witness.violations(drained=True) == []
    assert all_seqs(witness) == list(range(1, last["triggers"] + 1))
