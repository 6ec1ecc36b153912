"""The audit log: who changed what the line lets pass, one JSON object a line, never rewritten."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from edge_inspector.core.errors import ProcessError

MODE = 0o640
"""Its lines name people: not for everybody."""


class AuditLog:
    """Appends to one file. One thread at a time; the file may be moved away between two lines."""

    def __init__(self, path: Path, line: str) -> None:
        """Prepare; nothing is opened yet.

        Args:
            path: The file; made with the first line.
            line: Name of the line, in each entry.
        """
        self._path, self._line = path, line

    def append(self, event: str, **fields: object) -> None:
        """Write one entry, and return when it would survive a power cut.

        Args:
            event: In snake_case.
            fields: What else belongs to it, plain JSON values.

        Raises:
            ProcessError: It cannot be written; a part of it may stand in the file.
        """
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        entry = json.dumps({"utc": now, "event": event, "line": self._line, **fields}, allow_nan=False).encode()
        try:
            self._write(entry + b"\n")
        except OSError as error:
            raise ProcessError(
                f"audit log {self._path} cannot be written: {error.strerror}; free the disk or make it writable"
            ) from error

    def _write(self, entry: bytes) -> None:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, MODE)
        try:
            size = os.lseek(fd, 0, os.SEEK_END)
            if size and os.pread(fd, 1, size - 1) != b"\n":
                entry = b"\n" + entry  # a power cut or a full disk left half an entry: it stays, on a line of its own
            while entry:
                entry = entry[os.write(fd, entry) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        folder_fd = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder_fd)
        finally:
            os.close(folder_fd)
