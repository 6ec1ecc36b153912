"""One daemon for one folder: whoever comes second is told which process was first."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from edge_inspector.core.errors import ProcessError

_PID_S = 0.2
"""Between taking the lock and writing his number the first one needs less."""


class FolderLock:
    """Holds a folder from its making to `close`, or to the end of this process however it ends."""

    def __init__(self, folder: Path, setting: str) -> None:
        """Make the folder if it is not there, and lock it.

        Args:
            folder: To be used by this process alone.
            setting: Key of the configuration that names it, for the error.

        Raises:
            ProcessError: Another process holds it, or it cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ProcessError(
                f"{setting} {folder} cannot be used: {error.strerror}; make it writable or set another"
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            who = _holder(self._fd)
            os.close(self._fd)
            raise ProcessError(
                f"another daemon ({who}) runs with {setting} {folder}; stop it, or give this line its own {setting}"
            ) from error
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except OSError:  # a full disk: the lock holds all the same, only its holder stays unnamed
            return

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._fd)


def _holder(fd: int) -> str:
    until_s = time.monotonic() + _PID_S
    while True:
        text = os.pread(fd, 32, 0).strip()
        if text.isdigit():
            return f"process {text.decode()}"
        if time.monotonic() > until_s:
            return "its process number is not known"
        time.sleep(0.01)
