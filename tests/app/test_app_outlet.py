from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from app_samples import settings_of, values
from fakes.line_memory import enter_next, make_memory

from edge_inspector.app.outlet import Outlet
from edge_inspector.app.report import Children, Reporter
from edge_inspector.client.subscriber import Message, Subscriber, ask
from edge_inspector.client.wire import Flag
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.verdict import LineState
from edge_inspector.observe.fresh import fresh_metrics
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraWord, LineMemory, Word
from edge_inspector.run.worker import Worker

LEASE_MS = 300
EPOCH = 77
WAIT_S = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Bench:
    """An outlet on real sockets, and one listener."""

    def __init__(self, folder: str, stack: ExitStack) -> None:
        self.port = free_port()
        self.endpoints = {name: f"ipc://{folder}/{name}" for name in ("signals", "telemetry")}
        self.endpoints["service"] = f"tcp://127.0.0.1:{free_port()}"
        given = values() | {
            "state_dir": folder,
            "endpoints": self.endpoints | {"lease_ms": LEASE_MS},
            "metrics": {"host": "127.0.0.1", "port": self.port},
        }
        self.settings = settings_of(given)
        self.memory: LineMemory = make_memory()
        self.outlet = Outlet(self.settings, self.memory)
        self.outlet.begin_epoch(EPOCH)
        stack.callback(self.outlet.close)
        self.listener = stack.enter_context(Subscriber("press-3", [self.endpoints["telemetry"]]))
        self.outlet.start()
        self._meet()

    def _meet(self) -> None:
        """Wait until the listener was greeted, which shows that it is attached; take in everything said so far."""
        while (message := self.listener.receive(0.05)) is None:
            self.outlet.follow_state()
        self.outlet.follow_state()  # the first message may have been an ordinary one, the greeting comes now
        while message is not None:
            message = self.listener.receive(0.1)

    def hear(self) -> Message:
        message = self.listener.receive(WAIT_S)
        assert message is not None
        return message

    def beat(self, state: LineState, faults: tuple[str, ...] = (), age_ms: int = 0) -> None:
        """Do what a heartbeat of the inspect process leaves behind."""
        sent_ns = monotonic_ns() - age_ms * 1_000_000
        is_ready = state in (LineState.READY, LineState.CONTINUOUS_EXECUTION)
        self.memory.write(Word.HEARTBEAT_NS, sent_ns)
        self.memory.write(Word.STATE, state)
        self.memory.write(Word.READY, int(is_ready))
        body = {"state": state.wire_name, "ready": is_ready, "faults": list(faults), "durable_seq": 0}
        self.outlet.heard_beat(body, sent_ns)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = ask(self.endpoints["service"], request, WAIT_S)
        assert answer is not None
        return answer


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(str(tmp_path_factory.mktemp("o")), stack)  # short: a socket's path has 107 bytes


def test_an_event_carries_its_severity_and_what_belongs_to_it(bench: Bench) -> None:
    bench.outlet.announce("parts_lost", "error", "4 parts have no verdict", {"range": [7, 10]})

    message = bench.hear()

    assert (message.kind, message.header.epoch, message.header.flags) == ("event", EPOCH, Flag.SIMULATED)
    assert message.body == {
        "v": 1,
        "line": "press-3",
        "epoch": EPOCH,
        "name": "parts_lost",
        "severity": "error",
        "detail": "4 parts have no verdict",
        "range": [7, 10],
    }


def test_a_change_of_state_is_told_once_with_its_reason(bench: Bench) -> None:
    bench.beat(LineState.READY)
    for _ in range(3):
        bench.outlet.follow_state()
    bench.beat(LineState.PREOPERATIONAL, faults=("camera", "model"))
    bench.outlet.follow_state()

    told = [bench.hear().body for _ in range(2)]

    assert [(body["previous"], body["state"], body["reason"]) for body in told] == [
        ("Preoperational", "Ready", "no faults"),
        ("Ready", "Preoperational", "camera, model"),
    ]


def test_a_state_waits_for_the_heartbeat_that_brings_its_reason(bench: Bench) -> None:
    bench.beat(LineState.READY)
    bench.outlet.follow_state()
    bench.memory.write(Word.STATE, LineState.PREOPERATIONAL)  # as the inspect process does, just before its note comes
    bench.memory.write(Word.HEARTBEAT_NS, monotonic_ns())
    bench.outlet.follow_state()
    bench.beat(LineState.PREOPERATIONAL, faults=("image_health",))
    bench.outlet.follow_state()

    told = [bench.hear().body for _ in range(2)]

    assert [(body["state"], body["reason"]) for body in told] == [
        ("Ready", "no faults"),
        ("Preoperational", "image_health"),
    ]


def test_before_the_first_heartbeat_the_line_is_starting(bench: Bench) -> None:
    bench.memory.write(Word.STATE, LineState.READY)

    assert bench.outlet.state() == (LineState.PREOPERATIONAL, "starting")
    assert not bench.outlet.is_ready()


def test_without_a_heartbeat_within_the_lease_nobody_may_rely_on_the_line(bench: Bench) -> None:
    bench.beat(LineState.READY)
    assert bench.outlet.is_ready()

    bench.beat(LineState.READY, age_ms=LEASE_MS + 1)

    state, reason = bench.outlet.state()
    assert state is LineState.PREOPERATIONAL
    assert reason.startswith("no heartbeat for 30")
    assert not bench.outlet.is_ready()


def test_a_line_that_has_halted_stays_halted_however_old_its_last_heartbeat_is(bench: Bench) -> None:
    bench.beat(LineState.HALTED, age_ms=60_000)

    assert bench.outlet.state() == (LineState.HALTED, "stopped, every accepted part has its verdict")


def test_the_service_answers_with_what_main_knows(bench: Bench) -> None:
    for _ in range(3):
        enter_next(bench.memory)
    before = bench.ask({"id": 1, "op": "hello"})
    bench.beat(LineState.READY)

    hello = bench.ask({"id": 2, "op": "hello"})

    assert (before["ready"], before["hb_age_ms"], before["state"]) == (False, None, "Preoperational")
    assert (hello["id"], hello["line"], hello["epoch"], hello["lease_ms"]) == (2, "press-3", EPOCH, LEASE_MS)
    assert (hello["state"], hello["ready"]) == ("Ready", True)
    assert hello["epochs"][0]["head_seq"] == 3


def test_a_line_whose_inspect_process_ended_says_so_and_not_that_there_are_no_faults(bench: Bench) -> None:
    bench.beat(LineState.CONTINUOUS_EXECUTION)
    bench.memory.write(Word.STATE, LineState.PREOPERATIONAL)  # as the supervisor does when it has gone

    state, reason = bench.outlet.state()

    assert state is LineState.PREOPERATIONAL
    assert "has ended" in reason


def test_hello_does_not_repeat_a_state_that_has_lost_its_heartbeat(bench: Bench) -> None:
    bench.beat(LineState.CONTINUOUS_EXECUTION, age_ms=LEASE_MS + 500)

    hello = bench.ask({"id": 1, "op": "hello"})

    assert (hello["state"], hello["ready"]) == ("Preoperational", False)


def test_the_page_shows_the_numbers_that_telemetry_carries(bench: Bench) -> None:
    metrics, take = fresh_metrics(None)
    reporter = Reporter(metrics, take, bench.memory, ["cam0"])
    bench.memory.cameras[0].write(CameraWord.TRIGGERS, 41)
    ledger = Ledger(bench.memory)

    class NoChild:
        child, restarts = None, 0

    children = Children([NoChild()], NoChild())  # type: ignore[list-item, arg-type]
    families = reporter.snapshot(ledger.totals(), LineState.READY, True, children, None)
    bench.outlet.metrics(families)

    heard = {family["name"]: family["samples"] for family in bench.hear().body["families"]}
    with urllib.request.urlopen(f"http://127.0.0.1:{bench.port}/metrics", timeout=WAIT_S) as answer:
        page = answer.read().decode()
    assert heard["edge_inspector_triggers_total"][0][2] == 41
    assert "edge_inspector_triggers_total 41.0" in page


def test_what_was_closed_can_be_bound_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    with ExitStack() as stack:
        bench = Bench(str(tmp_path_factory.mktemp("o")), stack)
    again = Outlet(bench.settings, make_memory())

    again.start()
    again.close()


def test_events_are_json_for_any_detail(bench: Bench) -> None:
    detail = '"\n\\ \u00e4\u4e16 \U0001f600 %s {0}'

    bench.outlet.announce("camera_error", "error", detail)

    assert bench.hear().body["detail"] == detail


def test_a_client_that_comes_late_is_told_the_state_and_what_still_stands(bench: Bench) -> None:
    bench.outlet.announce("parts_lost", "error", "of the former run", stands=True)
    bench.outlet.announce("camera_armed", "info", "cam0")
    bench.beat(LineState.READY)
    bench.outlet.follow_state()

    with Subscriber("press-3", [bench.endpoints["telemetry"]]) as late:
        heard: list[Message] = []
        while len(heard) < 2:
            bench.outlet.follow_state()
            message = late.receive(0.05)
            heard += [message] if message is not None else []

    assert heard[0].body["state"] == heard[0].body["previous"] == "Ready"
    assert heard[1].body["name"] == "parts_lost"


def test_a_line_that_stops_says_so_before_it_has_halted(bench: Bench) -> None:
    bench.beat(LineState.INITIALIZED)
    bench.memory.write(Word.HALT_NS, 1)

    assert bench.outlet.state() == (LineState.INITIALIZED, "stopping")


def test_a_thread_that_died_is_announced_once_and_to_late_clients(bench: Bench) -> None:
    def fail() -> bool:
        raise RuntimeError("the step fails as the test says")

    worker = Worker("evidence", fail)
    worker.start()
    assert worker.stop(WAIT_S)

    for _ in range(3):
        bench.outlet.watch_workers(worker)
    bench.outlet.announce("next", "info", "marks the end")

    names = [bench.hear().body["name"] for _ in range(2)]
    assert names == ["worker_died", "next"]


def test_a_line_that_failed_says_error_and_why(bench: Bench) -> None:
    bench.outlet.failed("the bundle is damaged")

    body = bench.hear().body
    assert (body["state"], body["reason"]) == ("Error", "the bundle is damaged")


def test_faults_are_those_of_the_newest_heartbeat_and_one_of_their_own_without_any(bench: Bench) -> None:
    assert bench.outlet.faults() == ("starting",)

    bench.beat(LineState.PREOPERATIONAL, faults=("camera",))
    assert list(bench.outlet.faults()) == ["camera"]

    bench.beat(LineState.PREOPERATIONAL, faults=("camera",), age_ms=LEASE_MS + 500)
    assert bench.outlet.faults() == ("no_heartbeat",)
