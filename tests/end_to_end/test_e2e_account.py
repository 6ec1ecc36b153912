"""Every process of a line and its consumer killed -9, at random and at each named place; then the account is right."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
import zmq
from daemon import Line, wait_until
from invariants import broken_rules
from source_count import SourceCount

from benchmarks.account import account, read_journal, read_log, read_triggers
from edge_inspector.run.failpoint import VARIABLE
from edge_inspector.run.memory import Word

MakeLine = Callable[..., Line]
KEEPER = Path(__file__).with_name("record_keeper.py")
ROOT = Path(__file__).resolve().parents[2]
SEED = 5
WHILE_RUNNING = [
    "journal.before_commit=kill@150",
    "journal.after_commit=kill@77",
    "journal.before_change=kill",
    "journal.after_change=kill",
    "journal.before_sync=kill@3",
    "journal.before_durable=kill@3",
    "journal.before_make=kill@2",
    "journal.after_make=kill@2",
    "journal.before_finish=kill",
    "journal.after_finish=kill",
    "journal.before_drop=kill",
]
AT_THE_END = ["journal.before_clean=kill", "journal.after_clean=kill"]


class Trial:
    """A line with one consumer; says what the source counted from the line's memory, which outlives all of them."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.kills: list[str] = []
        self._said: list[dict[str, Any]] = []
        self._source: SourceCount | None = None
        self._loses_parts = False
        self._context = zmq.Context()
        self._events = self._context.socket(zmq.SUB)
        self._events.setsockopt(zmq.RCVHWM, 0)
        self._events.setsockopt(zmq.RECONNECT_IVL, 20)
        self._events.setsockopt(zmq.SUBSCRIBE, b"insp.v1.e2e.event")
        self._events.connect(line.endpoints["telemetry"])
        self._keep()

    def set(self, section: str, **keys: Any) -> None:
        config = yaml.safe_load(self.line.config.read_text())
        config[section] |= keys
        self.line.config.write_text(yaml.safe_dump(config))

    def start(self, orders: str = "") -> None:
        """Start the daemon; its children run then, and what it lost in a kill before was heard."""
        self.line.start(env={VARIABLE: orders})
        self._source = SourceCount(self.line)
        self.line.child("camera")
        self.line.child("inspect")
        if self._loses_parts:
            # An event is said to whoever listens: a main that is killed before that has told nobody.
            wait_until(self._hear, 40, "the parts that were lost")
            self._loses_parts = False

    def wait_ready(self) -> None:
        wait_until(lambda: self._word(Word.READY), 40, "a line that is ready")

    def kill(self, name: str) -> None:
        """Kill `camera`, `inspect`, `main` or the `subscriber`; the subscriber begins again at once."""
        self.kills.append(name)
        if name == "subscriber":
            self.keeper.kill()
            self.keeper.wait()
            self._keep()
        elif name == "main":
            self.line.children()
            os.kill(self.line.pid, signal.SIGKILL)
            self.ended()
            self._loses_parts = True
        else:
            os.kill(self.line.child(name), signal.SIGKILL)

    def ended(self) -> int:
        """Note what the source of the run that ends counted."""
        code = self.line.wait_exit(40)
        assert self._source is not None
        first, count = self._source.run
        self._said.append({"first": first, "count": count})
        self._source.close()
        return code

    def finish(self) -> str:
        """End a run in good order, let the consumer catch up beside a camera at rest, and return the account."""
        self.start()
        self.wait_ready()
        self._stop()
        # No verdict comes any more: one that is committed too late to be sent has its turn to be replayed, too.
        self.set("camera", wait_for_subscribers=99)
        self.start()
        journal = Path(yaml.safe_load(self.line.config.read_text())["journal"]["folder"])
        log = self.line.folder / "taken.log"
        wait_until(lambda: len(read_log(log)) >= len(read_journal(journal)), 60, "the consumer to catch up")
        self._stop()
        self.keeper.terminate()
        assert self.keeper.wait(20) == 0
        triggers = self.line.folder / "triggers.jsonl"
        triggers.write_text("".join(json.dumps(each) + "\n" for each in self._said))
        self.account = account(read_journal(journal), read_log(log), read_triggers(triggers))
        self.broken = broken_rules(journal, read_log(log), read_triggers(triggers))
        return str(self.account)

    def close(self) -> None:
        self.keeper.kill()
        self.keeper.wait()
        self._context.destroy(linger=0)

    def _stop(self) -> None:
        self.line.children()
        self.line.process.terminate()  # type: ignore[union-attr]
        assert self.ended() == 0

    def _keep(self) -> None:
        command = [sys.executable, str(KEEPER), "--folder", str(self.line.folder)]
        for name, endpoint in self.line.endpoints.items():
            command += [f"--{name}", endpoint]
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.keeper = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path})

    def _word(self, word: Word) -> int:
        assert self._source is not None
        return self._source.word(word)

    def _hear(self) -> bool:
        n_before = len(self._said)
        while self._events.poll(0):
            event = json.loads(self._events.recv_multipart()[2])
            if event["name"] == "parts_lost" and {"lost": event["range"]} not in self._said:
                self._said.append({"lost": event["range"]})
        return len(self._said) > n_before


def at_random(trial: Trial, times: int, seconds: float) -> None:
    """Kill each process so many times, at moments spread over the time."""
    chance = random.Random(SEED)
    names = ["subscriber", "main", "camera", "inspect"] * times
    chance.shuffle(names)
    began = time.monotonic()
    for n, name in enumerate(names, 1):
        trial.wait_ready()  # as it was before the kill, so that there is something to lose; recovery may still be on
        trial.kill(name)
        if name == "main":
            trial.start()
        due = began + seconds * (n - chance.random()) / len(names)
        # Not waited for: the moment of the next kill.
        time.sleep(max(chance.random() / 5, due - time.monotonic()))
    time.sleep(max(0.0, began + seconds - time.monotonic()))


def at_a_place(trial: Trial, order: str) -> None:
    """Start the line with a place at which its inspect process dies, and go on when it has."""
    if "before_drop" in order:
        trial.set("journal", max_mb=4)
    trial.start(order)
    inspect = trial.line.child("inspect")
    if order in AT_THE_END:
        trial.wait_ready()
        trial.line.process.terminate()  # type: ignore[union-attr]
    assert trial.line.has_ended(inspect, 40), f"nobody came by {order}"
    trial.kills.append(order.partition("=")[0])
    trial.set("journal", max_mb=512)
    if order in AT_THE_END:
        trial.ended()
    else:
        trial.kill("main")


def run(line: Line, times: int, seconds: float, places: list[str]) -> Trial:
    trial = Trial(line)
    try:
        trial.start()
        trial.wait_ready()
        at_random(trial, times, seconds)
        trial.kill("main")
        for order in places:
            at_a_place(trial, order)
        said = trial.finish()
        print(f"{len(trial.kills)} kills: {', '.join(trial.kills)}", said, sep="\n")
    finally:
        trial.close()
    return trial


def line_at(make_line: MakeLine, rate_hz: float, journal: Path) -> Line:
    journal.mkdir()
    return make_line(
        camera={"rate_hz": rate_hz},
        model={"provider": "null"},
        journal={"folder": str(journal), "max_mb": 512, "segment_mb": 1},
    )


@pytest.mark.fault(
    24,
    injected="SIGKILL to camera, inspect, main and the consumer, at random and at named places",
    seen="replaced or started again; no row lost, none twice, no number twice",
    noticed="no effect",
)
@pytest.mark.timeout(150)
def test_the_account_is_right_after_a_kill_of_each_process(make_line: MakeLine, tmp_path: Path) -> None:
    line = line_at(make_line, 200.0, tmp_path / "journal")

    trial = run(line, 1, 4.0, WHILE_RUNNING[:2])

    assert trial.account.is_right, str(trial.account)
    assert trial.broken == []
    assert trial.account.rows > 200
    assert {"camera", "inspect", "main", "subscriber"} <= set(trial.kills)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_account_is_right_after_five_kills_of_each_and_one_at_each_place(
    make_line: MakeLine, tmp_path: Path
) -> None:
    line = line_at(make_line, 500.0, tmp_path / "journal")

    trial = run(line, 5, 60.0, WHILE_RUNNING + AT_THE_END)

    assert trial.account.is_right, str(trial.account)
    assert trial.broken == []
    assert trial.account.rows > 10_000
