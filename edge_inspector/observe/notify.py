"""What systemd is told over its notification socket (sd_notify(3)); without systemd, nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress

_ASKED = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notifier:
    """Sends datagrams to the service manager; never waits, never raises. One thread."""

    def __init__(self, environment: MutableMapping[str, str] | None = None) -> None:
        """Take what the service manager has put into the environment, so that no child believes it is meant.

        Args:
            environment: Changed; None for the process's own.
        """
        environment = os.environ if environment is None else environment
        address, period_us, pid = (environment.pop(name, "") for name in _ASKED)
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s: float | None = None
        """The service manager restarts this process when it is not fed for so long; None when it does not watch."""
        if address and period_us.isdecimal() and pid in ("", str(os.getpid())):
            self.watchdog_s = int(period_us) / 1e6 or None

    def ready(self) -> None:
        """The start is over."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """One line for operators, as `systemctl status` shows it."""
        self._send(f"STATUS={text}")

    def feed(self) -> None:
        """Say that the work goes on; at least once in `watchdog_s`."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # A manager that restarts or is behind is not waited for: the next word comes soon.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as ours, suppress(OSError):
            ours.sendto(text.encode(), self._address)
