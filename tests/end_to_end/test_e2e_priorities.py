"""Cores and priorities of a running line, thread by thread, as the kernel has them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from daemon import START_S, Line

MakeLine = Callable[..., Line]
OWN_NICE = os.getpriority(os.PRIO_PROCESS, 0)


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread, as its process's folder below /proc tells."""

    number: int
    nice: int
    policy: int
    cores: frozenset[int]


def threads_of(pid: int) -> list[Thread]:
    """Return the threads of a process; the first is the one it began with."""
    found = []
    for folder in sorted(Path(f"/proc/{pid}/task").iterdir(), key=lambda one: int(one.name)):
        words = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        cores = frozenset(os.sched_getaffinity(int(folder.name)))
        found.append(Thread(int(folder.name), int(words[16]) - OWN_NICE, int(words[38]), cores))
    return found


def running(make_line: MakeLine, **sections: Any) -> dict[str, list[Thread]]:
    """Return the threads of each process of a line at work, which has ended again."""
    line = make_line(camera={"rate_hz": 50.0}, evidence={"folder": "evidence", "keep": ["REJECT"]}, **sections)
    witness = line.listen()
    line.start()
    witness.wait_for_verdicts(20)
    witness.wait_for("hb", lambda m: m.body["ready"], timeout_s=START_S)
    pids = {"main": line.pid, "camera": line.child("camera"), "inspect": line.child("inspect")}
    found = {name: threads_of(pid) for name, pid in pids.items()}
    assert line.stop() == 0
    return found


def test_everything_that_is_not_the_verdict_stands_behind_it(make_line: MakeLine) -> None:
    found = running(make_line)

    first, *others = found["main"]
    assert (first.nice, first.policy) == (0, os.SCHED_BATCH)
    assert {one.nice for one in others} == {0, 5, 10}, "ZeroMQ and numpy; service; metrics page and evidence"
    assert {one.policy for one in others} == {os.SCHED_BATCH}
    for name in ("camera", "inspect"):
        assert {(one.nice, one.policy) for one in found[name]} == {(0, os.SCHED_OTHER)}, name


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core")
def test_each_process_keeps_to_its_cores_and_steps(make_line: MakeLine) -> None:
    one, other, *_ = sorted(os.sched_getaffinity(0))
    performance = {
        "spin": True,
        "cores": {"inspect": [other], "camera": [one], "main": [one]},
        "nice": {"inspect": 1, "camera": 2},
    }

    found = running(make_line, performance=performance)

    assert {each.cores for each in found["inspect"]} == {frozenset({other})}
    assert {each.cores for name in ("main", "camera") for each in found[name]} == {frozenset({one})}
    assert {each.nice for each in found["inspect"]} == {1}
    assert {each.nice for each in found["camera"]} == {2}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core")
def test_cores_of_main_alone_bind_main_alone(make_line: MakeLine) -> None:
    all_cores = frozenset(os.sched_getaffinity(0))

    found = running(make_line, performance={"cores": {"main": [min(all_cores)]}})

    assert {each.cores for each in found["main"]} == {frozenset({min(all_cores)})}
    assert {each.cores for name in ("camera", "inspect") for each in found[name]} == {all_cores}
