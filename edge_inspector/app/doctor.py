"""Composition root of `doctor`: checks in a process of their own, replaced when one of them hangs or crashes it."""

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

from edge_inspector.app.checkup import CHECKS, Asked, chosen
from edge_inspector.doctor.row import Row

BEGIN_S = 60.0
"""A cold disk may need so long for an interpreter and what it imports."""
_KILLED_S = 1.0
"""A process that waits for a dead disk cannot be killed; it is left to the kernel."""


def examine(asked: Asked) -> Iterator[Row]:
    """Yield the rows of a line and its computer as they are found. Never raises for what is wrong with them."""
    left = [check.name for check in chosen(asked)]
    while left:
        visit = Visit(asked, left)
        try:
            yield from visit.rows()
        finally:
            visit.close()
        left = visit.left


class Visit:
    """One process that makes checks, until they are done or one of them ends it."""

    def __init__(self, asked: Asked, names: list[str]) -> None:
        """Start it."""
        self.left = list(names)
        """What was not looked at yet."""
        self._now: str | None = None
        self._buffer = b""
        self._out, out_fd = os.pipe2(os.O_CLOEXEC)
        start_fd = os.memfd_create("edge-inspector-doctor")
        with os.fdopen(start_fd, "wb", closefd=False) as file:
            file.write(pickle.dumps((asked, self.left)))
        os.lseek(start_fd, 0, os.SEEK_SET)
        words = ["edge_inspector.app.examine", str(start_fd), str(out_fd), str(os.getpid())]
        try:
            # What libraries print is nobody's answer.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", *words], pass_fds=(start_fd, out_fd),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        finally:
            os.close(start_fd)
            os.close(out_fd)

    def rows(self) -> Iterator[Row]:
        """Yield the rows; the last one may be that of a check that hung or crashed."""
        limit_s = BEGIN_S
        while (told := self._told(limit_s)) is not None:
            if "begin" in told:
                self._now, limit_s = told["begin"], told["limit_s"]
                continue
            self._done(told["end"])
            limit_s = BEGIN_S
            yield from map(Row.from_json, told["rows"])
        if not self.left:
            return
        name = self._now or self.left[0]
        yield self._ended_early(name, limit_s)
        self._done(name)

    def close(self) -> None:
        """End it, if it did not by itself."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILLED_S)
        os.close(self._out)

    def _done(self, name: str) -> None:
        self._now = None
        self.left = [each for each in self.left if each != name]

    def _told(self, limit_s: float) -> dict[str, Any] | None:
        """Return what it tells next; None when its time is over or it has ended."""
        ends_s = time.monotonic() + limit_s
        while b"\n" not in self._buffer:
            if not select.select([self._out], [], [], max(0.0, ends_s - time.monotonic()))[0]:
                return None
            piece = os.read(self._out, 65536)
            if not piece:
                return None
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        return told

    def _ended_early(self, name: str, limit_s: float) -> Row:
        code = next(check.exit_code for check in CHECKS if check.name == name)
        try:
            status = self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            what = f"no answer in {limit_s:g} s: given up"
            return Row.failed(
                name, what, "something below it hangs: a disk, a network folder, a driver, a camera", code
            )
        how = f"status {status}" if status >= 0 else _signal_name(-status)
        return Row.failed(
            name, f"the check ended its process with {how}: native code, most likely", "see the library it uses", code
        )


def _signal_name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"
