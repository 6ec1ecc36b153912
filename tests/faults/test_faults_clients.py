"""Clients that are too many or ask for too much, and no descriptor left for them."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from daemon import Client, wait_until
from faulty_line import FaultyLine, MakeFaulty

MANY = Path(__file__).with_name("many_subscribers.py")
SUBSCRIBERS = 1000
ENOUGH_FILES = 8192


@pytest.mark.timeout(90)
@pytest.mark.fault(
    21,
    injected="main and the inspect process may open no further file, clients come to all endpoints",
    seen="nobody new is let in; those who are there have every verdict; new ones are let in when there is room again",
    noticed="with the call",
)
def test_without_a_free_descriptor_nobody_new_comes_in_and_the_inspection_goes_on(
    make_faulty: MakeFaulty,
) -> None:
    faulty = make_faulty(camera={"rate_hz": 30.0})
    faulty.start_working()
    pids = (faulty.line.pid, faulty.line.child("inspect"))
    before = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids}
    for pid in pids:
        numbers = sorted(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (_first_gap(numbers), before[pid][1]))

    beats = len(faulty.witness.messages("hb"))
    answer = ask(faulty, 1.0)
    page = faulty.line.page()
    n_before = len(faulty.witness.messages("verdict"))
    faulty.witness.wait_for_verdicts(n_before + 30)
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before[pid])
    wait_until(lambda: ask(faulty, 2.0), 20.0, "a client that is let in again")
    code = faulty.stop()

    assert code == 0
    assert answer is None
    assert page == ""
    assert faulty.faults_since(beats) == set()
    assert faulty.broken() == []


def ask(faulty: FaultyLine, timeout_s: float) -> Any:
    """Return what a new client hears; None within the time."""
    with Client(faulty.line, zmq.DEALER) as client:
        return client.ask(b'{"op":"hello","id":1}', timeout_s=timeout_s)


def _first_gap(numbers: list[int]) -> int:
    """Return a limit below which every number is taken; a limit does not touch what is open above it."""
    return next((at for at, number in enumerate(numbers) if at != number), len(numbers))


@pytest.mark.timeout(120)
@pytest.mark.fault(
    38,
    injected="1000 subscribers beside the first",
    seen="each has every verdict; `edge_inspector_subscribers` shows them; ready all the time",
    noticed="no effect",
)
def test_a_thousand_subscribers_cost_no_verdict(make_faulty: MakeFaulty) -> None:
    faulty = make_faulty(camera={"rate_hz": 10.0})
    faulty.start_working()
    inspect, beats = faulty.line.child("inspect"), len(faulty.witness.messages("hb"))
    soft, hard = resource.prlimit(inspect, resource.RLIMIT_NOFILE)
    resource.prlimit(inspect, resource.RLIMIT_NOFILE, (max(soft, min(hard, ENOUGH_FILES)), hard))

    command = [sys.executable, str(MANY), "--line", "e2e", "--signals", faulty.line.endpoints["signals"]]
    command += ["--count", str(SUBSCRIBERS), "--verdicts", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as many:
        try:
            wait_until(lambda: (faulty.line.figure("subscribers") or 0) > SUBSCRIBERS, 50, "a thousand subscribers")
            said, _ = many.communicate(timeout=60)
        finally:
            many.kill()
    code = faulty.stop()

    assert code == 0
    assert int(said.splitlines()[-1]) >= 20
    assert faulty.faults_since(beats) == set()
    assert faulty.broken() == []


class Storm:
    """A client that asks for the whole epoch again and again, and takes what it is given."""

    def __init__(self, faulty: FaultyLine, epoch: int) -> None:
        self._endpoint, self._epoch = faulty.line.endpoints["service"], epoch
        self._over = threading.Event()
        self.answers = 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Storm:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        context = zmq.Context()
        socket = context.socket(zmq.DEALER)
        socket.connect(self._endpoint)
        request = {"op": "replay", "id": 1, "consumer": "storm", "epoch": self._epoch, "from": 1, "to": 500}
        while not self._over.is_set():
            socket.send(json.dumps(request).encode())
            while socket.poll(20):
                socket.recv_multipart()
                self.answers += 1
        context.destroy(linger=0)


@pytest.fixture
def storms() -> Iterator[list[Storm]]:
    made: list[Storm] = []
    yield made
    for storm in made:
        storm.__exit__()


@pytest.mark.timeout(90)
@pytest.mark.fault(
    40,
    injected="four clients that replay 0 to head without end",
    seen="each gets its share of time and no more; others are answered, verdicts go on, ready all the time",
    noticed="no effect",
)
def test_a_storm_of_replays_delays_no_verdict_and_no_other_client_for_long(
    make_faulty: MakeFaulty, storms: list[Storm]
) -> None:
    faulty = make_faulty(camera={"rate_hz": 100.0})
    faulty.start_working()
    faulty.witness.wait_for_verdicts(100)
    epoch = faulty.witness.messages("hb")[0].head.epoch
    for _ in range(4):
        storms.append(Storm(faulty, epoch).__enter__())
    wait_until(lambda: all(storm.answers > 5 for storm in storms), 20.0, "replays")
    beats = len(faulty.witness.messages("hb"))

    answers = [ask(faulty, 5.0) for _ in range(3)]
    n_before = len(faulty.witness.messages("verdict"))
    faulty.witness.wait_for_verdicts(n_before + 100)
    code = faulty.stop()

    assert code == 0
    assert all(answer is not None and answer["ready"] for answer in answers)
    assert faulty.faults_since(beats) == set()
    assert faulty.broken() == []
