"""A process that is asked: it answers, hangs, crashes, and ends with the one that asks."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_inspector.run.probe import Probe, status_words

CODE = """
import os, sys, time
from edge_inspector.run.probe import enter_probe
plan, tell = enter_probe(*map(int, sys.argv[1:5]))
print("a library prints")
tell(plan=plan, name=sys.argv[5:])
for asked in tell.asked():
    if asked["do"] == "leave":
        sys.exit(3)
    tell(done=asked["do"], much="x" * asked.get("n", 0))
"""


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Probe]:
    (tmp_path / "asked_here.py").write_text(CODE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    probe = Probe("asked_here", {"line": 1}, "cpu-int8")
    yield probe
    probe.close()


def test_it_is_given_a_plan_and_answers_question_by_question(probe: Probe) -> None:
    assert probe.told(30.0) == {"plan": {"line": 1}, "name": ["cpu-int8"]}

    probe.ask(do="first", n=200_000)  # more than a pipe holds
    probe.ask(do="second")

    first = probe.told(30.0)
    assert first is not None
    assert (first["done"], len(first["much"])) == ("first", 200_000)
    assert probe.told(30.0) == {"done": "second", "much": ""}


def test_one_that_hangs_gives_no_answer_and_has_not_ended(probe: Probe) -> None:
    probe.told(30.0)
    os.kill(probe.pid, signal.SIGSTOP)

    probe.ask(do="anything")

    assert probe.told(0.1) is None
    assert probe.ended() is None


@pytest.mark.parametrize(
    ("do", "status", "words"),
    [("leave", 3, "status 3"), (signal.SIGSEGV, -11, "SIGSEGV"), (signal.SIGKILL, -9, "SIGKILL")],
)
def test_how_it_ended_is_known(probe: Probe, do: object, status: int, words: str) -> None:
    probe.told(30.0)

    if isinstance(do, signal.Signals):
        os.kill(probe.pid, do)
    else:
        probe.ask(do=do)

    assert probe.told(30.0) is None
    assert (probe.ended(), status_words(status)) == (status, words)
    probe.ask(do="more")  # nobody is there: no error
    assert probe.told(30.0) is None


def test_it_is_gone_when_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asked_here.py").write_text(CODE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    probe = Probe("asked_here", None)
    probe.told(30.0)

    probe.close()

    with pytest.raises(ProcessLookupError):
        os.kill(probe.pid, 0)
