"""One drill after the other: what was not pulled does not pass, and a daemon that refuses costs one row."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from edge_inspector.core.errors import UsageError
from edge_inspector.drill import conduct as module
from edge_inspector.drill.conduct import Row, conduct
from edge_inspector.drill.judge import Expected
from edge_inspector.drill.plugs import Plug, all_plugs
from edge_inspector.drill.scene import Scene
from edge_inspector.drill.seen import Beat, Heard, Record, Seen
from edge_inspector.drill.witness import Witness, now_us

PLUGS = {plug.name: plug for plug in all_plugs()}


class Steady:
    """A witness of a line that is at work all along, with heartbeats every turn."""

    def __init__(self) -> None:
        self.seen, self.is_armed, self.why, self.is_drill = Seen(period_us=50_000), True, "", True
        self._seq = 0

    @property
    def beat(self) -> Beat | None:
        return self.seen.beats[-1] if self.seen.beats else None

    def begin(self) -> None:
        self.seen = Seen(period_us=50_000, was_armed=True)

    def mark(self) -> None:
        self.seen.pulled_us, self.seen.was_armed = now_us(), True

    def watch(self, is_over: Any, timeout_s: float) -> bool:
        for _ in range(20):
            if is_over():
                return True
            time.sleep(0.001)
            self._seq += 1
            at_us = now_us()
            self.seen.beats.append(Beat(at_us, 7, self._seq, True, self.is_drill, 1_000_000, (), 0, 0))
            self.seen.verdicts.append(Heard(at_us, 7, self._seq, "ok", True, True, True))
        return bool(is_over())

    def watch_for(self, seconds: float) -> None:
        self.watch(lambda: False, seconds)

    def look(self) -> None:
        pass


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    witness = Steady()
    monkeypatch.setattr(module, "records", lambda _: {7: Record(7, 1, witness._seq, witness._seq)})

    def ask(_request: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "pid": os.getpid(), "is_service": True}

    return Scene("e2e", cast(Witness, witness), cast(Any, None), tmp_path / "r.db", ask, 1_000_000, 2_000_000)


def one(scene: Scene, plug: Plug) -> Row:
    (row,) = conduct(scene, [plug], lambda _: None)
    return row


def broken(row: Row) -> list[str]:
    return [check.rule for check in row.checks if not check.is_kept]


@pytest.mark.parametrize("name", ["inspect-killed", "inspect-frozen", "camera-lost"])
def test_a_signal_that_met_no_process_is_no_drill_that_passed(name: str, scene: Scene) -> None:
    row = one(scene, PLUGS[name])

    assert row.result == "FAIL"
    assert broken(row) == ["plug pulled"]


def test_a_journal_that_never_refused_is_no_drill_that_passed(scene: Scene) -> None:
    assert broken(one(scene, PLUGS["journal-unwritable"])) == ["plug pulled", "gate disarms"]


def test_a_model_that_never_failed_is_no_drill_that_passed(scene: Scene) -> None:
    assert broken(one(scene, PLUGS["model-failing"])) == ["reason told"]


def test_a_main_that_is_the_same_afterwards_was_not_killed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.drill.plugs.Grip.send", lambda *_: True)

    assert broken(one(scene, PLUGS["main-killed"])) == ["plug pulled"]


@pytest.mark.parametrize("name", ["subscriber-restarted", "journal-unwritable", "model-failing"])
def test_what_shows_nothing_without_parts_is_not_run_without_them(name: str, scene: Scene) -> None:
    scene.witness.seen.period_us = None
    scene.witness.begin = lambda: None  # type: ignore[method-assign]

    assert "no parts come" in one(scene, PLUGS[name]).not_run


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"],
                               stdout=subprocess.PIPE)  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("name", "number"), [("inspect-frozen", signal.SIGSTOP), ("inspect-killed", signal.SIGKILL)])
def test_a_process_that_took_its_signal_was_pulled(
    name: str, number: signal.Signals, scene: Scene, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.drill.scene.children_of", lambda *_: [sleeper.pid])
    plug = PLUGS[name]

    plug.pull(scene)
    if number is signal.SIGKILL:
        sleeper.wait(10)
    why = plug.why_not_pulled(scene)
    plug.put_back(scene)

    assert why == ""


class Refused:
    """A plug that the daemon refuses to pull."""

    name, what = "refused", "nothing"

    def __init__(self) -> None:
        self.n_back = 0

    def refusal(self, _scene: Scene) -> str:
        return ""

    def expected(self, scene: Scene) -> Expected:
        return Expected(back_us=scene.back_us)

    def pull(self, _scene: Scene) -> None:
        raise UsageError("refused: the line is not in drill mode")

    def why_not_pulled(self, _scene: Scene) -> str:
        return ""

    def put_back(self, _scene: Scene) -> None:
        self.n_back += 1


def test_a_daemon_that_refuses_fails_its_drill_and_the_others_are_run(scene: Scene) -> None:
    refused = Refused()

    first, second = conduct(scene, [refused, PLUGS["model-failing"]], lambda _: None)

    assert (first.result, refused.n_back) == ("FAIL", 1)
    assert "not in drill mode" in first.checks[0].detail
    assert broken(second) == ["reason told"]


def test_a_drill_mode_that_ended_meanwhile_is_said_and_nothing_is_pulled(scene: Scene) -> None:
    cast(Steady, scene.witness).is_drill = False
    refused = Refused()

    row = one(scene, refused)

    assert (broken(row), refused.n_back) == (["ready before"], 0)
    assert "no longer in drill mode" in row.checks[0].detail
