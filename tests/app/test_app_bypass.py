"""Who may switch bypass, for how long, what is written down first, and what everybody is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app_samples import settings_of, values
from fakes.line_memory import make_memory

from edge_inspector.app.bypass import BypassControl
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.run.control import NAME, Peer, ask_daemon
from edge_inspector.run.memory import Word

MINUTE_NS = 60_000_000_000
ANNA = Peer(pid=4711, uid=1000, user="anna", login=None)


class FakeOutlet:
    """Remembers what was announced and what still stands."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, object]]] = []
        self.details: list[str] = []
        self.standing: list[str] = []

    def withdraw(self, name: str) -> None:
        self.standing = [each for each in self.standing if each != name]

    def announce(self, name: str, severity: str, detail: str, extra: dict[str, object], *, stands: bool) -> None:
        self.events.append((name, severity, extra))
        self.details.append(detail)
        if stands:
            self.standing.append(name)


class Bench:
    """A bypass control on a small memory, asked directly unless a test starts it."""

    def __init__(self, folder: Path, **bypass: Any) -> None:
        self.folder = folder
        self.memory = make_memory()
        settings = settings_of(values() | {"state_dir": str(folder), "bypass": bypass})
        self.control = BypassControl(settings, self.memory, 77, "m@1")
        self.outlet = FakeOutlet()

    def ask(self, op: str, peer: Peer = ANNA, **keys: Any) -> dict[str, Any]:
        answer = self.control.answer({"op": op, **keys}, peer)
        self.control.tell(self.outlet)  # type: ignore[arg-type]
        return answer

    def on(self, **keys: Any) -> dict[str, Any]:
        return self.ask("bypass_on", **{"minutes": 5, "reason": "teaching"} | keys)

    @property
    def left_ns(self) -> int:
        return max(0, self.memory.read(Word.BYPASS_UNTIL_NS) - monotonic_ns())

    def let_time_pass(self) -> None:
        self.memory.write(Word.BYPASS_UNTIL_NS, monotonic_ns() - 1)

    def audit(self) -> list[dict[str, Any]]:
        path = self.folder / "audit.jsonl"
        return [json.loads(row) for row in path.read_text().splitlines()] if path.is_file() else []


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench(tmp_path: Path) -> MakeBench:
    return lambda **bypass: Bench(tmp_path, **bypass)


def test_on_is_written_down_then_works_and_is_told_to_those_who_come_later_too(make_bench: MakeBench) -> None:
    bench = make_bench()

    answer = bench.on()

    assert (answer["ok"], answer["bypass"], answer["by"], answer["reason"]) == (True, True, "anna", "teaching")
    assert 4 * MINUTE_NS < bench.left_ns <= 5 * MINUTE_NS
    (entry,) = bench.audit()
    assert (entry["event"], entry["user"], entry["uid"], entry["pid"]) == ("bypass_on", "anna", 1000, 4711)
    assert (entry["minutes"], entry["until_utc_us"]) == (5.0, answer["until_utc_us"])
    ((name, severity, extra),) = bench.outlet.events
    assert (name, severity, extra["by"]) == ("bypass_on", "warning", "anna")
    assert bench.outlet.standing == ["bypass_on"]


def test_who_used_sudo_is_named(make_bench: MakeBench) -> None:
    bench = make_bench()

    bench.on(peer=Peer(1, 0, "root", "anna"))

    assert bench.audit()[0]["login"] == "anna"
    assert "root (logged in as anna) lets defects pass" in bench.outlet.details[0]


def test_off_ends_it_at_once_and_nothing_stands_any_more(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.on()

    answer = bench.ask("bypass_off")

    assert (answer["ok"], answer["bypass"], answer["seconds_left"]) == (True, False, 0)
    assert bench.left_ns == 0
    assert (bench.audit()[-1]["event"], bench.audit()[-1]["why"]) == ("bypass_off", "person")
    assert bench.outlet.events[-1][0] == "bypass_off"
    assert bench.outlet.standing == []


def test_off_while_it_is_off_changes_nothing(make_bench: MakeBench) -> None:
    bench = make_bench()

    answer = bench.ask("bypass_off")

    assert answer["ok"] is True
    assert (bench.audit(), bench.outlet.events) == ([], [])


def test_a_second_on_replaces_the_time_from_now(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.on(minutes=50)

    bench.on(minutes=1)

    assert bench.left_ns <= MINUTE_NS
    assert bench.outlet.standing == ["bypass_on"]
    assert [entry["minutes"] for entry in bench.audit()] == [50.0, 1.0]


def test_the_end_of_the_time_is_written_down_and_told_once(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.on()
    bench.let_time_pass()

    answers = [bench.ask("bypass_status") for _ in range(2)]

    assert [answer["bypass"] for answer in answers] == [False, False]
    assert [entry.get("why") for entry in bench.audit()] == [None, "time"]
    assert [name for name, _, _ in bench.outlet.events] == ["bypass_on", "bypass_off"]
    assert bench.outlet.standing == []


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"minutes": 60.1}, "60.1 min is not above 0 and at most 60"),
        ({"minutes": 0}, "0 min is not above 0"),
        ({"minutes": -1}, "-1 min"),
        ({"minutes": float("nan")}, "nan min"),
        ({"minutes": float("inf")}, "inf min"),
        ({"minutes": 10**400}, "at most 60"),
        ({"minutes": True}, "must be a number"),
        ({"minutes": "5"}, "must be a number"),
        ({"minutes": None}, "must be a number"),
        ({"reason": "x" * 201}, "at most 200"),
        ({"reason": "two\nlines"}, "printable"),
        ({"reason": "\x1b[2J"}, "printable"),
        ({"reason": "\ud800"}, "printable"),
        ({"reason": 5}, "printable"),
        ({"by_ns": 1}, "too late"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_it_off(
    keys: dict[str, Any], words: str, make_bench: MakeBench
) -> None:
    bench = make_bench()

    answer = bench.on(**keys)

    assert (answer["ok"], answer["refused"]) == (False, True)
    assert words in answer["error"]
    assert bench.left_ns == 0
    assert (bench.audit(), bench.outlet.events) == ([], [])


def test_a_refused_on_leaves_the_time_that_was_granted(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.on(minutes=5)

    bench.on(minutes=1000)

    assert 4 * MINUTE_NS < bench.left_ns <= 5 * MINUTE_NS


def test_a_line_that_does_not_allow_it_refuses(make_bench: MakeBench) -> None:
    bench = make_bench(allowed=False)

    answer = bench.on()

    assert "bypass.allowed" in answer["error"]
    assert bench.left_ns == 0


def test_a_line_that_stops_refuses(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.memory.write(Word.HALT_NS, 1)

    assert "stopping" in bench.on()["error"]


def test_an_unknown_request_is_refused(make_bench: MakeBench) -> None:
    assert "unknown op 'reboot'" in make_bench().ask("reboot")["error"]


def test_without_an_audit_log_nobody_gets_it(make_bench: MakeBench) -> None:
    bench = make_bench()
    (bench.folder / "audit.jsonl").symlink_to("/dev/full")

    answer = bench.on()

    assert answer["ok"] is False
    assert "refused" not in answer
    assert "cannot be written" in answer["error"]
    assert bench.left_ns == 0
    assert [(name, severity) for name, severity, _ in bench.outlet.events] == [("audit_not_written", "error")]


def test_a_disk_so_slow_that_the_asker_gave_up_leaves_it_off(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()
    by_ns = monotonic_ns() + 500_000_000

    def slow(_fd: int) -> None:
        while monotonic_ns() <= by_ns:
            pass

    monkeypatch.setattr(os, "fsync", slow)
    answer = bench.on(by_ns=by_ns)

    assert "too late" in answer["error"]
    assert bench.left_ns == 0
    assert [(entry["event"], entry.get("why")) for entry in bench.audit()] == [
        ("bypass_on", None),
        ("bypass_off", "late"),
    ]
    assert bench.outlet.events == []


def test_off_works_without_an_audit_log_and_says_that_nobody_wrote_it_down(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.on()
    (bench.folder / "audit.jsonl").unlink()
    (bench.folder / "audit.jsonl").symlink_to("/dev/full")

    answer = bench.ask("bypass_off")

    assert (answer["ok"], answer["bypass"], bench.left_ns) == (True, False, 0)
    assert [name for name, _, _ in bench.outlet.events][1:] == ["audit_not_written", "bypass_off"]


def test_a_run_is_framed_by_start_and_stop_and_the_stop_ends_it(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.control.start()
    switched = ask_daemon(bench.folder, {"op": "bypass_on", "minutes": 5}, 10.0)

    bench.control.close(bench.outlet, exit_code=0)  # type: ignore[arg-type]

    assert switched["bypass"] is True
    entries = bench.audit()
    assert [entry["event"] for entry in entries] == ["line_started", "bypass_on", "bypass_off", "line_stopped"]
    assert (entries[0]["epoch"], entries[0]["model"], entries[2]["why"], entries[3]["exit_code"]) == (
        77,
        "m@1",
        "stop",
        0,
    )
    assert (entries[1]["uid"], entries[1]["pid"]) == (os.getuid(), os.getpid())
    assert [name for name, _, _ in bench.outlet.events] == ["bypass_on", "bypass_off"]
    assert (bench.left_ns, bench.outlet.standing) == (0, [])
    assert not (bench.folder / NAME).exists()


def test_a_line_whose_control_socket_cannot_be_made_runs_and_says_so(make_bench: MakeBench) -> None:
    bench = make_bench()
    (bench.folder / NAME).mkdir()

    bench.control.start()
    bench.control.close(bench.outlet, exit_code=0)  # type: ignore[arg-type]

    assert [(name, severity) for name, severity, _ in bench.outlet.events] == [("bypass_unavailable", "warning")]
    assert [entry["event"] for entry in bench.audit()] == ["line_started", "line_stopped"]
