"""A subscriber that does as little as possible while it listens: frames are kept, read later."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zmq

from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.wire import Header, kind_of, topic


@dataclass(frozen=True, slots=True)
class Heard:
    """One message, with the moment of its receipt."""

    kind: str
    header: Header
    payload: bytes
    utc_us: int
    """UTC of the receipt, the clock of the header's own time on the same machine."""

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object."""
        found: dict[str, Any] = json.loads(self.payload)
        return found

    @property
    def trigger_to_receipt_ms(self) -> float:
        """From the trigger to here."""
        return (self.utc_us - int(self.body["t_trigger_utc_us"])) / 1000


class Silent(Exception):  # noqa: N818 - becomes a row of the table that says why
    """Raised when a line did not say in time what was waited for."""


class Ear:
    """Hears one line's signals; one thread."""

    def __init__(self, line: str, signals: str, keys: ClientKeys | None = None) -> None:
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        self._socket.setsockopt(zmq.SUBSCRIBE, topic(line))
        self._socket.setsockopt(zmq.RCVHWM, 1_000_000)  # a window is read when it is over
        self._socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self._socket.setsockopt(zmq.LINGER, 0)
        if keys is not None:
            keys.apply(self._socket)
        self._socket.connect(signals)

    def drain(self) -> list[Heard]:
        """Return what has come so far, without waiting."""
        found = []
        while (heard := self.next(0.0)) is not None:
            found.append(heard)
        return found

    def next(self, timeout_s: float) -> Heard | None:
        """Return the next message; None when none came within the time."""
        if not self._socket.poll(round(timeout_s * 1000)):
            return None
        frames = self._socket.recv_multipart()
        utc_us = time.time_ns() // 1000
        return Heard(kind_of(frames[0]), Header.parse(frames[1]), frames[2], utc_us)

    def until(self, is_wanted: Callable[[Heard], bool], timeout_s: float, what: str) -> list[Heard]:
        """Return everything up to the first message that is wanted, which comes last.

        Raises:
            Silent: None came within the time.
        """
        ends, found = time.monotonic() + timeout_s, []
        while (left := ends - time.monotonic()) > 0:
            heard = self.next(left)
            if heard is not None:
                found.append(heard)
                if is_wanted(heard):
                    return found
        raise Silent(f"waited {timeout_s:.0f} s for {what}")

    def close(self) -> None:
        self._socket.close()
