"""The journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): a log line with fields that can be asked for."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import TextIO

ADDRESS = "/run/systemd/journal/socket"


def is_journal(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether a stream leads to the journal: the service manager names its device and inode.

    A child whose stream was redirected inherits the name all the same; then they differ.
    """
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class Journal:
    """Sends entries; never waits. Any thread may call it."""

    def __init__(self, address: str = ADDRESS) -> None:
        """Prepare; nobody need listen at the address yet."""
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

    def send(self, fields: Mapping[str, str]) -> bool:
        """Send one entry.

        Args:
            fields: Names are A to Z, 0 to 9 and _, no _ first. Together shorter than a datagram (200 KB).

        Returns:
            Whether the journal took it: not while it is behind or away.
        """
        try:
            self._socket.sendto(b"".join(_encoded(name, value) for name, value in fields.items()), self._address)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let go of the socket; what was sent is the journal's."""
        self._socket.close()


def _encoded(name: str, value: str) -> bytes:
    data = value.encode(errors="replace")
    if b"\n" not in data:
        return b"%s=%s\n" % (name.encode(), data)
    return b"%s\n%s%s\n" % (name.encode(), len(data).to_bytes(8, "little"), data)
