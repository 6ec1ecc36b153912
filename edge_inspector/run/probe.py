"""A process of ours that may hang or crash: it is asked and tells in JSON lines, and whoever waits may give it up."""

from __future__ import annotations

import json
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from edge_inspector.run.child import end_with_parent

_KILLED_S = 1.0
"""A process that waits for a dead disk cannot be killed; it is left to the kernel."""
_ENDED_S = 0.2
"""Between the end of what a process tells and its own end."""


class Probe:
    """The asking end. One thread."""

    def __init__(self, module: str, plan: object, name: str = "") -> None:
        """Spawn `python -m module`, which calls `enter_probe`.

        Args:
            module: Composition root to run.
            plan: Handed over pickled.
            name: For people who look at the list of processes.
        """
        self._buffer = b""
        ask_fd, self._ask = os.pipe2(os.O_CLOEXEC)
        self._told, tell_fd = os.pipe2(os.O_CLOEXEC)
        start_fd = os.memfd_create("edge-inspector-probe")
        with os.fdopen(start_fd, "wb", closefd=False) as file:
            file.write(pickle.dumps(plan))
        os.lseek(start_fd, 0, os.SEEK_SET)
        words = [module, *map(str, (start_fd, ask_fd, tell_fd, os.getpid())), *([name] if name else [])]
        try:
            # What libraries print is nobody's answer.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", *words], pass_fds=(start_fd, ask_fd, tell_fd),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        finally:
            for fd in (start_fd, ask_fd, tell_fd):
                os.close(fd)
        self.pid = self._process.pid

    def ask(self, **what: Any) -> None:
        """Ask; of a process that has ended, `told` will say so."""
        with suppress(BrokenPipeError):
            os.write(self._ask, json.dumps(what).encode() + b"\n")

    def told(self, limit_s: float) -> dict[str, Any] | None:
        """Return what it tells next; None when its time is over or it has ended."""
        ends_s = time.monotonic() + limit_s
        while b"\n" not in self._buffer:
            if not select.select([self._told], [], [], max(0.0, ends_s - time.monotonic()))[0]:
                return None
            piece = os.read(self._told, 65536)
            if not piece:
                return None
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        return told

    def ended(self) -> int | None:
        """Return its exit status, negative for a signal, once it tells no more; None when it still runs: it hangs."""
        try:
            return self._process.wait(_ENDED_S)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End it; does not wait until it has."""
        self._process.kill()

    def close(self) -> None:
        """End it, if it did not by itself."""
        self.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILLED_S)
        os.close(self._told)
        os.close(self._ask)


def status_words(status: int) -> str:
    """Return an exit status as people call it: `status 1`, `SIGSEGV`."""
    if status >= 0:
        return f"status {status}"
    with suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"


class Teller:
    """The end of the process that is asked."""

    def __init__(self, ask_fd: int, tell_fd: int) -> None:
        """Take over both pipes."""
        self._ask_fd, self._tell_fd = ask_fd, tell_fd

    def __call__(self, **what: Any) -> None:
        """Tell."""
        data = json.dumps(what).encode() + b"\n"
        while data:
            data = data[os.write(self._tell_fd, data) :]

    def asked(self) -> Iterator[dict[str, Any]]:
        """Yield what is asked, until nobody asks any more."""
        with open(self._ask_fd, "rb", closefd=False) as file:
            yield from map(json.loads, file)


def enter_probe(start_fd: int, ask_fd: int, tell_fd: int, parent_pid: int) -> tuple[Any, Teller]:
    """Become a process that is asked; it ends with the one that asks.

    Returns:
        What was handed over, and the way to answer.
    """
    end_with_parent(parent_pid, signal.SIGKILL)
    with os.fdopen(start_fd, "rb") as file:
        plan = pickle.loads(file.read())
    return plan, Teller(ask_fd, tell_fd)
