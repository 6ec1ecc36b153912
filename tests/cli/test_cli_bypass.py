"""`bypass` as a person meets it: what is asked of the daemon, what is said, and the exit codes."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_program import Said, Sandbox, has_all
from rich.console import Console

from edge_inspector.cli import main
from edge_inspector.cli.board import Board
from edge_inspector.run.control import ControlSocket, Peer

ON = {
    "ok": True, "line": "press-3", "bypass": True, "seconds_left": 754.6, "by": "anna", "reason": "teaching",
    "minutes": 15.0, "until_utc": "2026-11-24T04:10:00Z", "until_utc_us": 1_790_000_000_000_000,
}  # fmt: skip
OFF = {"ok": True, "line": "press-3", "bypass": False, "seconds_left": 0}
BEAT = {
    "ready": True,
    "faults": [],
    "state": "Ready",
    "triggers": 1,
    "passes": 1,
    "rejects": 0,
    "unknowns": 0,
    "in_flight": 0,
}


class FakeDaemon:
    """Answers the control socket with what a test says, and remembers what it was asked."""

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self.answer: dict[str, Any] = OFF
        self.asked: list[dict[str, Any]] = []
        self._socket = ControlSocket(state_dir, self._take)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _take(self, request: dict[str, Any], _peer: Peer) -> dict[str, Any]:
        self.asked.append(request)
        return self.answer

    def _serve(self) -> None:
        while not self._stop.is_set():
            self._socket.step()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
        self._socket.close()


Say = Callable[..., Said]


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox.config(bypass={"max_minutes": 10.0})


@pytest.fixture
def daemon(config: Path) -> Iterator[FakeDaemon]:
    daemon = FakeDaemon(config.parent / "state")
    yield daemon
    daemon.close()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], config: Path) -> Say:
    def say(*arguments: str) -> Said:
        code = main._run(["bypass", *arguments, "--config", str(config)])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return say


def test_on_asks_for_a_quarter_of_an_hour_or_for_what_the_line_allows(say: Say, daemon: FakeDaemon) -> None:
    daemon.answer = ON

    said = say("on", "--reason", "teaching")

    assert said.code == 0
    assert has_all(said.out, ["press-3: BYPASS IS ON, defects pass", "12 min 35 s", "anna: teaching", "bypass off"])
    (request,) = daemon.asked
    assert (request["op"], request["minutes"], request["reason"]) == ("bypass_on", 10.0, "teaching")
    assert 0 < request["by_ns"] - time.monotonic_ns() <= 5_000_000_000


def test_off_and_status_ask_and_tell(say: Say, daemon: FakeDaemon) -> None:
    said = [say("off"), say("status")]

    assert [(each.code, each.out) for each in said] == 2 * [(0, "line press-3: bypass is off, defects are rejected\n")]
    assert [request["op"] for request in daemon.asked] == ["bypass_off", "bypass_status"]


def test_a_program_reads_the_status_as_json(say: Say, daemon: FakeDaemon) -> None:
    daemon.answer = ON

    said = say("status", "--json")

    assert json.loads(said.out) == {key: value for key, value in ON.items() if key != "ok"}


@pytest.mark.parametrize(("answer", "code"), [({"refused": True}, 64), ({}, 70)])
def test_a_refusal_is_told_with_its_reason(answer: dict[str, Any], code: int, say: Say, daemon: FakeDaemon) -> None:
    daemon.answer = answer | {"ok": False, "error": "the line is stopping"}

    said = say("on")

    assert said.code == code
    assert "the line is stopping" in said.error


@pytest.mark.parametrize("verb", ["on", "off", "status"])
def test_without_a_daemon_the_exit_code_is_70(verb: str, say: Say) -> None:
    said = say(verb)

    assert said.code == 70
    assert has_all(said.error, ["no daemon runs", "edge-inspector run"])


@pytest.mark.parametrize("minutes", ["0", "-5", "soon"])
def test_minutes_that_are_none_are_a_usage_error(minutes: str, say: Say) -> None:
    said = say("on", "--minutes", minutes)

    assert said.code == 64
    assert "--minutes" in said.error


def test_a_table_of_parts_says_loudly_that_it_is_on() -> None:
    out = io.StringIO()
    board = Board(Console(file=out, width=120), "line", None)
    part = {"part_id": 7, "verdict": "PASS", "reason": "bypass", "score": 0.9, "defects": [], "latency_us": 900}

    board.status(BEAT)
    board.status(BEAT, is_bypass=True)
    board.part(part)
    board.status(BEAT, is_bypass=True)
    board.status(BEAT)

    lines = out.getvalue().splitlines()
    assert lines[0] == "BYPASS is ON: defects pass"
    assert lines[1].startswith("part 7  PASS bypass")
    assert lines[2:] == ["BYPASS is off: defects are rejected"]


def test_a_live_table_shows_it_in_its_status_line() -> None:
    out = io.StringIO()
    board = Board(Console(file=out, width=120, force_terminal=True), "line", None)

    with board.shown():
        board.status(BEAT, is_bypass=True)

    assert "BYPASS IS ON: DEFECTS PASS" in out.getvalue()
