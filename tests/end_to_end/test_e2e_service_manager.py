"""A service manager and a real line: when it is told what, and when it hears nothing."""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from daemon import START_S, Line
from noticing import Noticed

MakeLine = Callable[..., Line]
WATCHDOG_S = 0.4


class Manager:
    """A service manager's end of the notification socket; notes when it heard each word."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self.environment = {
            "NOTIFY_SOCKET": str(folder / "notify"),
            "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6)),
        }
        self._new: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
        self.all: list[tuple[float, str]] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def hear(self, wanted: Callable[[str], bool], timeout_s: float = START_S) -> float:
        """Return when the next word that is wanted came; AssertionError when none comes within the time."""
        ends = time.monotonic() + timeout_s
        while True:
            try:
                self.all.append(self._new.get(timeout=max(0.0, ends - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"not heard within {timeout_s:g} s, only {self.all[-5:]}") from None
            if wanted(self.all[-1][1]):
                return self.all[-1][0]

    def is_fed(self, timeout_s: float) -> bool:
        try:
            self.hear(lambda word: word == "WATCHDOG=1", timeout_s)
        except AssertionError:
            return False
        return True

    def drop(self) -> None:
        """Forget what came so far."""
        while not self._new.empty():
            self.all.append(self._new.get())

    def words(self) -> list[str]:
        self.drop()
        return [word for _, word in self.all]

    def fed_s(self) -> list[float]:
        """Return the moments at which the watchdog was fed."""
        self.drop()
        return [moment for moment, word in self.all if word == "WATCHDOG=1"]

    def close(self) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while word := self._socket.recv(1000).decode():
            self._new.put((time.monotonic(), word))


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path)
    yield manager
    manager.close()


def is_status(words: str) -> Callable[[str], bool]:
    return lambda word: word.startswith(f"STATUS={words}")


def test_a_service_manager_hears_of_the_start_the_work_and_the_end(make_line: MakeLine, manager: Manager) -> None:
    line = make_line(camera={"rate_hz": 50.0})
    line.listen()
    line.start(manager.environment)

    manager.hear(lambda word: word == "READY=1")
    manager.hear(is_status("ready"))
    environments = [Path(f"/proc/{line.child(name)}/environ").read_bytes() for name in ("camera", "inspect")]
    assert manager.is_fed(2)
    code = line.stop()

    words = manager.words()
    assert code == 0
    assert [word for word in words if word in ("READY=1", "STOPPING=1")] == ["READY=1", "STOPPING=1"]
    assert is_status("not ready: Halted")(words[-1])
    assert not any(b"NOTIFY_SOCKET" in one or b"WATCHDOG_USEC" in one for one in environments)


@pytest.mark.fault(
    23,
    injected="SIGSTOP to main, beside a socket that plays the service manager",
    seen="no `WATCHDOG=1` for four times of a watchdog of 0.4 s: the service manager ends it",
)
def test_a_main_process_that_hangs_starves_the_watchdog(
    make_line: MakeLine, manager: Manager, noticed: Noticed
) -> None:
    line = make_line(camera={"rate_hz": 50.0})
    line.listen()
    line.start(manager.environment)
    manager.hear(is_status("ready"))

    os.kill(line.pid, signal.SIGSTOP)
    noticed.injected()
    while manager.is_fed(0.05):  # what was sent before
        pass
    starved = not manager.is_fed(4 * WATCHDOG_S)
    noticed.seen()
    os.kill(line.pid, signal.SIGCONT)

    assert starved
    assert manager.is_fed(5)
    assert line.stop() == 0


@pytest.mark.timeout(90)
def test_an_inspect_process_that_hangs_is_replaced_before_the_watchdog_bites(
    make_line: MakeLine, manager: Manager
) -> None:
    line = make_line(camera={"rate_hz": 50.0})
    line.listen()
    line.start(manager.environment)
    manager.hear(is_status("ready"))
    hung = line.child("inspect")

    os.kill(hung, signal.SIGSTOP)
    manager.hear(is_status("not ready"))
    assert line.has_ended(hung, 20)
    manager.hear(is_status("ready"))

    fed_s = manager.fed_s()
    assert line.stop() == 0
    # The machine may be busy; what must not be is a silence as long as the hang itself, 5 s.
    assert max(later - earlier for earlier, later in pairwise(fed_s)) < 2.5


def test_a_line_that_cannot_start_never_says_that_it_is_ready(make_line: MakeLine, manager: Manager) -> None:
    line = make_line()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(line.endpoints["signals"].rsplit(":", 1)[1])))
        line.start(manager.environment)

        code = line.wait_exit(START_S)

    assert code == 70
    words = manager.words()
    assert "READY=1" not in words
    assert is_status("failed: ")(words[-1])
    assert "in use" in words[-1]
    assert words[-1].endswith("exit code 70, it is tried again")


def test_a_line_with_a_mistake_in_its_configuration_says_which_in_one_line(
    make_line: MakeLine, manager: Manager
) -> None:
    line = make_line(lime={"a": 1}, tilling={"overlap": 16})
    line.start(manager.environment)

    code = line.wait_exit(START_S)

    assert code == 78
    said = manager.words()[-1]
    assert is_status(f"failed: {line.config}:")(said)
    assert "\n" not in said
    assert said.endswith(
        "(and 1 more, see the log); exit code 78, it stays down until that is repaired and it is started by hand"
    )
