from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fakes.pipes import is_readable

from edge_inspector.run.child import Child, Start
from edge_inspector.run.handover import NoteReceiver, handover_pair

WAIT_MS = 20_000

ANSWERING = """
import os, socket, sys, time
from pathlib import Path

from edge_inspector.run.child import enter_child
from edge_inspector.run.handover import NoteSender

folder = Path(__file__).parent
(folder / "importing").touch()
while (folder / "hold").exists():
    time.sleep(0.005)
start = enter_child(int(sys.argv[1]))
notes = NoteSender(socket.socket(fileno=start.notes_fd))
notes.offer({"kind": "hello", "plan": start.plan, "parent": os.getppid(), "memory": os.fstat(start.memory_fd).st_size})
while True:
    os.eventfd_read(start.wake_fd)  # one question for each write
    notes.offer({"kind": "alive"})
"""

PARENT = """
import os, sys
from edge_inspector.run.child import Child
from edge_inspector.run.handover import handover_pair

_, sender = handover_pair()
wake_fd = os.eventfd(0)
memory_fd = os.memfd_create("memory")
child = Child("tiny_child", memory_fd, wake_fd, sender.fileno(), None)
print(child.pid, flush=True)
sys.stdin.read()
"""


@dataclass
class Nest:
    """Where tiny children are started, and what they share."""

    folder: Path
    memory_fd: int = field(default_factory=lambda: os.memfd_create("memory"))
    wake_fd: int = field(default_factory=lambda: os.eventfd(0))
    children: list[Child] = field(default_factory=list)

    def __post_init__(self) -> None:
        os.ftruncate(self.memory_fd, 12345)
        self.ends = handover_pair()
        self.notes = NoteReceiver(self.ends[0])

    def spawn(self, plan: object = None) -> Child:
        child = Child("tiny_child", self.memory_fd, self.wake_fd, self.ends[1].fileno(), plan)
        self.children.append(child)
        return child

    def hear(self) -> dict[str, Any]:
        assert is_readable(self.notes, WAIT_MS / 1000), "the child says nothing"
        taken = self.notes.take()
        assert taken is not None
        return taken[0]

    def close(self) -> None:
        for child in self.children:
            child.kill()
            child.close()
        for end in self.ends:
            end.close()
        os.close(self.memory_fd)
        os.close(self.wake_fd)


def has_ended(pid_fd: int, timeout_ms: int = WAIT_MS) -> bool:
    return is_readable(pid_fd, timeout_ms / 1000)


def wait_for(path: Path) -> None:
    for _ in range(WAIT_MS):
        if path.exists():
            return
        time.sleep(0.001)
    raise AssertionError(f"{path} did not appear")


@pytest.fixture
def nest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nest]:
    (tmp_path / "tiny_child.py").write_text(ANSWERING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    nest = Nest(tmp_path)
    yield nest
    nest.close()


def test_a_child_gets_its_plan_and_the_shared_descriptors(nest: Nest) -> None:
    nest.spawn(plan={"line": "press-3", "rate_hz": 2.5})

    note = nest.hear()

    assert note == {
        "kind": "hello",
        "plan": {"line": "press-3", "rate_hz": 2.5},
        "parent": os.getpid(),
        "memory": 12345,
    }


def test_a_module_in_the_working_directory_is_not_taken_for_ours(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    cwd = nest.folder / "cwd"
    cwd.mkdir()
    (cwd / "pickle.py").write_text("raise SystemExit(99)")
    monkeypatch.chdir(cwd)

    nest.spawn()

    assert nest.hear()["kind"] == "hello"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_child_leaves_stop_signals_to_its_parent(nest: Nest, number: signal.Signals) -> None:
    child = nest.spawn()
    nest.hear()

    os.kill(child.pid, number)
    os.eventfd_write(nest.wake_fd, 1)

    assert nest.hear() == {"kind": "alive"}
    assert child.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_child_that_still_imports_leaves_stop_signals_to_its_parent_too(nest: Nest, number: signal.Signals) -> None:
    hold = nest.folder / "hold"
    hold.touch()
    child = nest.spawn()
    wait_for(nest.folder / "importing")

    os.kill(child.pid, number)
    hold.unlink()

    assert nest.hear()["kind"] == "hello"
    assert child.poll() is None


def test_the_parent_hears_stop_signals_as_before(nest: Nest) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())

    nest.spawn()

    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_child_dies_with_a_parent_that_was_killed(nest: Nest) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdin is not None
    pid_fd = os.pidfd_open(int(parent.stdout.readline()))
    try:
        wait_for(nest.folder / "importing")

        parent.kill()
        parent.wait()

        assert has_ended(pid_fd)
    finally:
        if not has_ended(pid_fd, 0):
            signal.pidfd_send_signal(pid_fd, signal.SIGKILL)
        os.close(pid_fd)
        parent.stdin.close()
        parent.stdout.close()


def test_a_child_whose_parent_ended_before_it_could_ask_ends_too(nest: Nest) -> None:
    start_fd = os.memfd_create("start")
    os.write(start_fd, pickle.dumps(Start(nest.memory_fd, nest.wake_fd, nest.ends[1].fileno(), 1, None)))
    os.lseek(start_fd, 0, os.SEEK_SET)
    command = [sys.executable, "-m", "tiny_child", str(start_fd)]

    status = subprocess.run(command, pass_fds=(start_fd,), timeout=WAIT_MS / 1000, check=False).returncode

    os.close(start_fd)
    assert status == 70


def test_the_end_of_a_child_wakes_whoever_waits_on_its_descriptor(nest: Nest) -> None:
    child = nest.spawn()
    nest.hear()
    assert not has_ended(child.pid_fd, 0)

    os.kill(child.pid, signal.SIGKILL)

    assert has_ended(child.pid_fd)
    assert child.poll() == -signal.SIGKILL


def test_killing_and_closing_may_be_done_twice(nest: Nest) -> None:
    child = nest.spawn()
    for _ in range(2):
        child.kill()
        child.close()

    assert child.poll() == -signal.SIGKILL
    assert child.pid_fd == -1


def test_a_module_that_is_not_there_ends_with_a_status(nest: Nest) -> None:
    child = Child("no_such_module", nest.memory_fd, nest.wake_fd, nest.ends[1].fileno(), None)
    nest.children.append(child)

    assert has_ended(child.pid_fd)
    assert child.poll() == 1


def test_nothing_of_the_start_stays_open_in_the_parent(nest: Nest) -> None:
    child = nest.spawn()
    child.kill()
    child.close()
    before = set(os.listdir("/proc/self/fd"))

    child = nest.spawn()
    child.kill()
    child.close()

    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_child_that_cannot_be_watched_is_not_left_running(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def refuse(pid: int) -> int:
        seen.append(pid)
        raise OSError("no descriptor left")

    monkeypatch.setattr(os, "pidfd_open", refuse)

    with pytest.raises(OSError, match="no descriptor left"):
        nest.spawn()

    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)
