"""Cores and priorities, as the kernel tells them of real processes: nothing here changes the one that tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from edge_inspector.run.scheduling import lower_this_thread

PROBE = """
import json, os, resource, sys, threading
from edge_inspector.run.scheduling import Place, may_raise, stand_behind, stand_in_line, take_place

def threads():
    all = [int(name) for name in os.listdir("/proc/self/task")]
    nice = sorted({os.getpriority(os.PRIO_PROCESS, one) for one in all})
    policies = sorted({os.sched_getscheduler(one) for one in all})
    cores = sorted({tuple(sorted(os.sched_getaffinity(one))) for one in all})
    return {"n": len(all), "nice": nice, "policies": policies, "cores": cores}

def give_up_rights():
    resource.setrlimit(resource.RLIMIT_NICE, (0, 0))
    if os.geteuid() == 0:
        os.setresuid(65534, 65534, 65534)

end = threading.Event()
threading.Thread(target=end.wait, daemon=True).start()
said = {}
exec(sys.argv[1])
print(json.dumps(said))
"""


def probe(steps: str) -> dict[str, Any]:
    """Return what `steps` notes in `said`, in a process of its own with two threads or more."""
    done = subprocess.run([sys.executable, "-c", PROBE, steps], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_every_thread_of_a_process_takes_its_place() -> None:
    core = max(os.sched_getaffinity(0))

    said = probe(f"said['refused'] = take_place(Place(({core},), 3)); said |= threads()")

    assert said["n"] >= 2
    assert (said["refused"], said["nice"], said["cores"]) == ([], [os.getpriority(os.PRIO_PROCESS, 0) + 3], [[core]])


def test_a_process_without_a_place_of_its_own_stays_where_it_is() -> None:
    said = probe("before = threads(); take_place(Place()); said['is_same'] = before == threads()")

    assert said["is_same"]


def test_steps_below_the_lowest_priority_end_there() -> None:
    said = probe("os.nice(10); take_place(Place(None, 15)); said |= threads()")

    assert max(said["nice"]) == 19


def test_a_priority_without_the_right_to_it_is_told_once_with_what_to_do_and_changes_nothing() -> None:
    said = probe("before = threads(); give_up_rights(); said['refused'] = take_place(Place(None, -5)); "
                 "said['is_same'] = before == threads()")  # fmt: skip

    assert said["is_same"]
    assert len(said["refused"]) == 1
    assert "LimitNICE=-5" in said["refused"][0]


def test_cores_that_are_not_there_are_told_and_leave_the_process_where_it_is() -> None:
    said = probe(
        "before = threads(); said['refused'] = take_place(Place((8000,))); said['is_same'] = before == threads()"
    )

    assert said["is_same"]
    assert "cores 8000 are refused" in said["refused"][0]


def test_whether_a_priority_would_be_refused_is_found_out_without_keeping_it() -> None:
    said = probe("give_up_rights(); said['may'] = may_raise(-5); said |= threads()")

    assert said["may"] is False
    assert max(said["nice"]) == os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.parametrize(
    ("steps", "policy"),
    [("stand_behind()", os.SCHED_BATCH), ("stand_behind(); stand_in_line()", os.SCHED_OTHER)],
)
def test_a_process_stands_behind_the_others_and_back_in_line_without_any_right(steps: str, policy: int) -> None:
    said = probe(f"give_up_rights(); {steps}; said |= threads()")

    assert said["policies"] == [policy]


def test_a_thread_lowers_itself_alone() -> None:
    before, seen = os.getpriority(os.PRIO_PROCESS, 0), []

    def lower() -> None:
        lower_this_thread(2)
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=lower)
    thread.start()
    thread.join()

    assert seen == [min(before + 2, 19)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
