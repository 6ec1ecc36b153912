"""The processes of a drill: those of the line, which are found, and those that the drill starts itself."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from edge_inspector.core.errors import ProcessError

_PARENT = 1
"""Field of /proc/PID/stat after the name: state, parent."""


def children_of(pid: int, module: str) -> list[int]:
    """Return the processes that a daemon started to run a module, such as `edge_inspector.app.inspect`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError, IndexError, ValueError):
            if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[_PARENT]) == pid:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if module.encode() in words:
                    found.append(int(entry.name))
    return sorted(found)


class Grip:
    """One process of the line, held so that no other that has its number later is meant."""

    def __init__(self, pid: int) -> None:
        """Take hold. Raises ProcessError when it is gone."""
        self.pid = pid
        try:
            self._fd = os.pidfd_open(pid)
        except OSError as error:
            raise ProcessError(f"process {pid} of the line is gone: {error.strerror}; try again") from error

    def send(self, number: signal.Signals) -> bool:
        """Send a signal; False when it has ended.

        Raises:
            ProcessError: It belongs to another user.
        """
        try:
            signal.pidfd_send_signal(self._fd, number)
        except ProcessLookupError:
            return False
        except PermissionError as error:
            raise ProcessError(
                f"you may not send signals to process {self.pid} of the line; run the drill as the daemon's user"
            ) from error
        return True

    @property
    def has_ended(self) -> bool:
        """Whether it is gone, reaped or not."""
        return bool(select.select([self._fd], [], [], 0)[0])

    @property
    def is_stopped(self) -> bool:
        """Whether it stands still; False too when it is gone."""
        with suppress(OSError, IndexError):
            return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
        return False

    def close(self) -> None:
        """Let go."""
        os.close(self._fd)


class Started:
    """A process that the drill started, in a session of its own: Ctrl-C is the drill's to obey."""

    def __init__(self, words: list[str], log: Path) -> None:
        """Start `python -m …`; what it says goes to a file."""
        self._words, self._log = words, log
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, again when it has ended."""
        if self._process is not None:
            self._process.wait(10)
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", *self._words],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """Kill and reap it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def end(self, timeout_s: float) -> None:
        """Ask it to end; kill it when it does not."""
        if self._process is None or self.has_ended:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def last_words(self) -> str:
        """Return the end of what it said."""
        with suppress(OSError):
            return self._log.read_text(encoding="utf-8", errors="replace")[-400:]
        return ""
