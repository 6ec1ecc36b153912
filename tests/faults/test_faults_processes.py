"""A thread that dies, a log that floods, no time on the processor: inside the processes of a line at work."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import zmq
from daemon import Client
from faulty_line import MakeFaulty, inside
from noticing import Noticed

DEADLINE_MS = 100.0


@pytest.mark.timeout(90)
@pytest.mark.fault(
    22,
    injected="main's thread that answers clients raises",
    seen="event `worker_died`, told to late clients too; verdicts go on, nobody is answered until the restart",
)
def test_a_thread_of_main_that_dies_is_told_and_the_inspection_goes_on(
    make_faulty: MakeFaulty, tmp_path: Path, noticed: Noticed
) -> None:
    faulty = make_faulty(camera={"rate_hz": 30.0})
    switch = tmp_path / "die"
    faulty.start_working(inside("main", "dying_service", switch))

    switch.touch()
    noticed.injected()
    told = faulty.event("worker_died")
    noticed.seen()
    with Client(faulty.line, zmq.DEALER) as client:
        answer = client.ask(b'{"op":"hello","id":1}', timeout_s=1.0)
    n_before = len(faulty.witness.messages("verdict"))
    faulty.witness.wait_for_verdicts(n_before + 20)
    code = faulty.stop()

    assert code == 0
    assert told["severity"] == "error"
    assert "the service thread ended: made to die" in told["detail"]
    assert answer is None
    assert faulty.broken() == []


@pytest.mark.timeout(90)
@pytest.mark.fault(
    22,
    injected="the inspect process's thread that makes rows durable raises",
    seen="the process says why, ends and is replaced; no verdict without its row",
)
def test_an_inspect_process_whose_journal_thread_dies_is_replaced(
    make_faulty: MakeFaulty, tmp_path: Path, noticed: Noticed
) -> None:
    faulty = make_faulty(camera={"rate_hz": 30.0})
    switch = tmp_path / "die"
    faulty.start_working(inside("inspect", "dying_keeper", switch))
    former = faulty.line.child("inspect")

    switch.touch()
    noticed.injected()
    told = faulty.event("inspect_error")
    noticed.seen()
    switch.unlink()
    assert faulty.line.has_ended(former, 20)
    faulty.wait_working(len(faulty.witness.messages("hb")))
    code = faulty.stop()

    assert code == 0
    assert "the journal thread ended: made to die" in told["detail"]
    assert faulty.broken() == []


@pytest.mark.timeout(90)
@pytest.mark.fault(
    46,
    injected="100 error lines with each part, at 50 parts a second",
    seen="the first lines are written, then they are counted; nothing is late, ready all the time",
    noticed="no effect",
)
def test_a_flood_of_log_lines_is_cut_and_delays_no_verdict(make_faulty: MakeFaulty, tmp_path: Path) -> None:
    faulty = make_faulty(camera={"rate_hz": 50.0})
    switch = tmp_path / "flood"
    faulty.start_working(inside("inspect", "flood_of_lines", switch))
    beats = len(faulty.witness.messages("hb"))

    switch.touch()
    n_before = len(faulty.witness.messages("verdict"))
    faulty.witness.wait_for_verdicts(n_before + 100)
    code = faulty.stop()

    n_lines = faulty.line.stderr().count(" flood ")
    assert code == 0
    assert faulty.faults_since(beats) == set()
    assert 0 < n_lines < 200, "10,000 were written"
    assert faulty.broken() == []


class Starved:
    """Takes a process off the processor for most of the time, as a quota of the kernel does."""

    def __init__(self, pid: int, on_s: float, off_s: float) -> None:
        self._pid, self._on_s, self._off_s = pid, on_s, off_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        with suppress(ProcessLookupError):
            while not self._over.is_set():
                os.kill(self._pid, signal.SIGSTOP)
                self._over.wait(self._off_s)
                os.kill(self._pid, signal.SIGCONT)
                self._over.wait(self._on_s)


@pytest.mark.timeout(90)
@pytest.mark.fault(
    50,
    injected="the inspect process has 20 ms of each 220 ms, deadline 100 ms",
    seen="late parts are UNKNOWN `deadline` and counted, nothing passes late; judged again when there is time again",
)
def test_without_time_on_the_processor_parts_are_late_and_none_passes_late(
    make_faulty: MakeFaulty, noticed: Noticed
) -> None:
    faulty = make_faulty(camera={"rate_hz": 30.0}, decide={"deadline_ms": DEADLINE_MS})
    faulty.start_working()
    n_before = len(faulty.witness.messages("verdict"))

    noticed.injected()
    with Starved(faulty.line.child("inspect"), on_s=0.02, off_s=0.2):
        late = faulty.witness.wait_for("verdict", lambda m: m.body["late"], after=n_before)
        noticed.seen()
        faulty.witness.wait_for_verdicts(n_before + 40)
    n_after = len(faulty.witness.messages("verdict"))
    faulty.witness.wait_for("verdict", lambda m: m.body["reason"] == "ok", after=n_after)
    code = faulty.stop()

    assert code == 0
    assert late.body["verdict"] == "UNKNOWN"
    assert faulty.witness.messages("hb")[-1].body["lates"] > 5
    assert faulty.broken(deadline_ms=DEADLINE_MS) == []
