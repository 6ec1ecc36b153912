"""The gate with its sockets, against a line that follows the protocol."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.wire_line import LATE, SIMULATED, WireLine

from edge_inspector.client import live as module
from edge_inspector.client.decision import Decision, Why
from edge_inspector.client.gate import Gate
from edge_inspector.client.gate_settings import GateSettings
from edge_inspector.client.notice import Notice

# A loaded computer may hold everything up for a while; the tests are about what is decided, not how fast.
SETTINGS = GateSettings(window=200_000, travel=600_000, ahead=300_000, margin_us=1_000)
LIMIT_S = 15.0


@pytest.fixture
def line(tmp_path: Path) -> Iterator[WireLine]:
    with WireLine(tmp_path) as line:
        yield line


class Driver:
    def __init__(self, line: WireLine, settings: GateSettings = SETTINGS, consumer: str | None = "gate-1") -> None:
        self.notices: list[Notice] = []
        self.gate = Gate(
            line.name, settings, consumer=consumer, signals=line.signals, service=line.service,
            on_notice=self.notices.append,
        )  # fmt: skip
        self.decisions: list[Decision] = []

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.close()

    def until(self, is_true: Callable[[], Any], what: str) -> Any:
        ends_s = time.monotonic() + LIMIT_S
        while not (found := is_true()):
            assert time.monotonic() < ends_s, f"waited for {what}; {self.gate.why}, {self.notices}"
            self.decisions += self.gate.step(0.005)
        return found

    def armed(self) -> None:
        """Armed, and long enough on the line to know what is usual."""
        self.until(lambda: self.gate.is_armed, "arming")
        ends_s = time.monotonic() + 0.7
        self.until(lambda: time.monotonic() > ends_s, "some heartbeats")

    def one(self) -> Decision:
        n = len(self.decisions)
        self.until(lambda: len(self.decisions) > n, "a decision")
        return self.decisions[n]


def test_a_part_with_its_pass_is_released_and_told(line: WireLine) -> None:
    with Driver(line) as driver:
        driver.armed()
        driver.gate.part()
        seq = line.judge()
        decision = driver.one()
        driver.until(lambda: line.acks, "the acknowledgement")
        driver.gate.confirm(decision, was_rejected=False)
        driver.until(lambda: len(line.acks) >= 2, "the confirmation")

    # None was told before main could know its verdict.
    assert sum(request["op"] == "ack" for request in line.requests) == len(line.acks)
    assert (decision.release, decision.why, decision.seq) == (True, Why.PASS, seq)
    assert line.acks[0]["consumer"] == "gate-1"
    assert (line.acks[0]["epoch"], line.acks[0]["upto"]) == (7, seq)
    assert line.acks[0]["outcomes"] == [{"seq": seq, "outcome": "released"}]
    assert line.acks[1]["outcomes"] == [{"seq": seq, "outcome": "not_confirmed"}]


def test_a_gate_without_a_name_decides_like_any_other_and_tells_the_line_nothing(line: WireLine) -> None:
    with Driver(line, consumer=None) as driver:
        driver.armed()
        driver.gate.part()
        line.judge()
        decision = driver.one()
        ends_s = time.monotonic() + 2 * module.ACK_US / 1e6
        driver.until(lambda: time.monotonic() > ends_s, "the time in which others acknowledge")

    assert decision.release
    assert [request["op"] for request in line.requests] == ["hello"] * len(line.requests)
    assert not any("consumer" in request for request in line.requests)


@pytest.mark.parametrize(
    ("options", "why"),
    [({"verdict": "REJECT"}, Why.REJECT), ({"flags": LATE}, Why.LATE), ({"flags": SIMULATED}, Why.REFUSED)],
)
def test_other_verdicts_reject(line: WireLine, options: dict[str, Any], why: Why) -> None:
    with Driver(line) as driver:
        driver.armed()
        driver.gate.part()
        line.judge(**options)

        assert driver.one().why is why


def test_a_verdict_that_was_missed_is_not_asked_for(line: WireLine) -> None:
    with Driver(line) as driver:
        driver.armed()
        driver.gate.part()
        line.judge(is_sent=False)
        decision = driver.one()

    assert decision.why is Why.NO_VERDICT
    assert {request["op"] for request in line.requests} <= {"hello", "ack"}


def test_no_line_at_all_rejects(tmp_path: Path) -> None:
    with Driver(WireLine(tmp_path)) as driver:
        driver.gate.part()

        assert driver.one().why is Why.NOT_ARMED


def test_a_line_that_is_not_ready_does_not_arm_it_until_it_is(line: WireLine) -> None:
    line.ready = False
    with Driver(line) as driver:
        driver.until(lambda: "not ready" in driver.gate.why, "the reason")
        line.ready = True
        driver.until(lambda: driver.gate.is_armed, "arming")


@pytest.mark.parametrize("end", ["silent", "not ready", "new epoch", "gone"])
def test_it_disarms_says_so_and_arms_again(line: WireLine, end: str) -> None:
    with Driver(line) as driver:
        driver.armed()
        if end == "silent":
            line.beats = False
        elif end == "not ready":
            line.ready = False
        elif end == "new epoch":
            line.new_epoch(8)
        else:
            line.stop()
        driver.until(lambda: not driver.gate.is_armed, "disarming")
        assert driver.gate.why
        line.beats, line.ready = True, True
        if end == "gone":
            line.start()
        driver.until(lambda: driver.gate.is_armed, "arming")
        driver.armed()
        driver.gate.part()
        line.judge()

        assert driver.one().why is Why.PASS


def test_an_outcome_is_told_again_until_it_is_taken(line: WireLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.client.service.ANSWER_US", 100_000)
    monkeypatch.setattr(module, "ACK_AGAIN_US", 10_000)
    refusals = iter([None, [b'{"id":0,"error":"busy"}'], [b"{"]])

    def refuses(request: dict[str, Any]) -> list[bytes] | None:
        if request["op"] != "ack":
            return None
        answer = next(refusals, None)
        return [answer[0].replace(b'"id":0', b'"id":%d' % request["id"])] if answer else None

    with Driver(line) as driver:
        driver.armed()
        next(refusals)
        line.answer_hook = refuses
        driver.gate.part()
        seq = line.judge()
        driver.one()
        driver.until(lambda: any(ack["outcomes"] for ack in line.acks), "the acknowledgement")

    asked = [request["outcomes"] for request in line.requests if request["op"] == "ack" and request["outcomes"]]
    assert asked == [[{"seq": seq, "outcome": "released"}]] * 3


def test_a_line_that_takes_no_outcomes_is_left_in_peace(line: WireLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ACK_AGAIN_US", 10_000)
    line.answer_hook = lambda request: (
        [json.dumps({"id": request["id"], "error": "bad_request", "detail": "no"}).encode()]
        if request["op"] == "ack" else None
    )  # fmt: skip
    with Driver(line) as driver:
        driver.armed()
        for _ in range(2):
            driver.gate.part()
            line.judge()
            driver.one()
        driver.until(lambda: driver.notices, "the notice")

    assert sum(request["op"] == "ack" for request in line.requests) == module.ACK_TRIES
    assert "outcomes are not taken: no" in driver.notices[0].detail


def test_nonsense_does_not_stop_it(line: WireLine) -> None:
    with Driver(line) as driver:
        driver.armed()
        line.send("verdict", b"x", b"{}")
        line.send("hb", b"", b"")
        driver.gate.part()
        line.judge(latency_us=-5)
        driver.gate.part()

        assert driver.one().why is Why.NO_VERDICT
        assert len(driver.notices) == 2


def test_silence_brings_a_fresh_socket(line: WireLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENT_US", 300_000)
    with Driver(line) as driver:
        driver.armed()
        line.beats = False
        driver.until(lambda: any(notice.name == "silent" for notice in driver.notices), "the notice")
        driver.until(lambda: not driver.gate.is_armed, "disarming")
        line.beats = True
        driver.until(lambda: driver.gate.is_armed, "arming")


def test_a_wait_ends_when_the_sensor_says_something(line: WireLine) -> None:
    import os

    read, write = os.pipe()
    line.beats = False
    with Driver(line) as driver:
        driver.gate.step(0.0)
        os.write(write, b"x")
        began_s = time.monotonic()
        driver.gate.step(LIMIT_S, fds=(read,))
        took_s = time.monotonic() - began_s
    os.close(read)
    os.close(write)

    assert took_s < LIMIT_S
