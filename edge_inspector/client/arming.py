"""Whether a gate may believe the line now: law 5 of the wire protocol. Pure; time is given, in µs, monotonic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_inspector.client.message import Message
from edge_inspector.client.wire import Flag

MAX_LEASE_MS = 10_000
"""A heartbeat is never worth more: a longer lease would let a dead line rule the gate."""


class Arming:
    """Arms on a hello that says ready and then a live heartbeat of the same epoch that says ready; disarms by itself.

    Each arming needs a hello that was asked after the last disarming.
    """

    def __init__(self, line: str) -> None:
        """Begin disarmed."""
        self._line = line
        self._asked_us: int | None = None
        self._greeted: tuple[int, int] | None = None  # epoch, until when the hello is worth something
        self._lease_ends_us = 0
        self.epoch: int | None = None
        """The epoch armed for; None while disarmed."""
        self.why = "no hello yet"
        """Why it is disarmed, for a person."""
        self.disarmings = 0

    @property
    def is_armed(self) -> bool:
        """Whether the line was alive and ready when it was last looked at; call `check` before."""
        return self.epoch is not None

    def asked(self, now_us: int) -> None:
        """A hello goes out now."""
        self._asked_us = now_us

    def answered(self, hello: Mapping[str, Any]) -> None:
        """Take the answer to the hello that was asked last."""
        asked_us, self._asked_us = self._asked_us, None
        if asked_us is None or self.is_armed:
            return
        epoch, lease_ms = hello.get("epoch"), hello.get("lease_ms")
        if hello.get("schema") != "insp/1" or hello.get("line") != self._line:
            self.why = f"hello is of line {hello.get('line')!r}, schema {hello.get('schema')!r}"
        elif hello.get("ready") is not True or not isinstance(epoch, int) or not isinstance(lease_ms, int):
            self.why = f"the line is not ready: {hello.get('state')}"
        else:
            self._greeted = (epoch, asked_us + _lease_us(lease_ms))
            self.why = "no heartbeat yet"

    def heard(self, message: Message, at_us: int, now_us: int) -> None:
        """Take any live message of the line.

        Args:
            message: Heartbeats arm, renew the lease or disarm; of others only the epoch and the ready flag count.
            at_us: The earliest moment at which it may have come.
            now_us: Now.
        """
        header = message.header
        if not message.is_live or message.kind not in ("hb", "verdict"):
            return
        self.check(now_us)
        if self.is_armed and header.epoch != self.epoch:
            self.disarm("the line counts anew")
        elif Flag.READY not in header.flags or (message.kind == "hb" and message.body.get("ready", True) is not True):
            self.disarm(f"the line is not ready: {message.body.get('faults') or message.body.get('reason')}")
        elif message.kind == "hb":
            self._beat(header.epoch, at_us + _lease_us(header.part_id), now_us)

    def _beat(self, epoch: int, lease_ends_us: int, now_us: int) -> None:
        if now_us > lease_ends_us:
            return  # it lay here for longer than it is worth
        if not self.is_armed and self._greeted is not None and self._greeted[0] == epoch:
            if now_us <= self._greeted[1]:
                self.epoch, self.why = epoch, ""
            self._greeted = None
        if self.is_armed:
            self._lease_ends_us = lease_ends_us

    def check(self, now_us: int) -> bool:
        """Disarm when the lease has ended; returns whether it is armed."""
        if self.is_armed and now_us > self._lease_ends_us:
            self.disarm("no heartbeat within the lease")
        return self.is_armed

    def disarm(self, why: str) -> None:
        """Disarm now."""
        self.disarmings += self.is_armed
        self.epoch, self.why = None, why
        self._asked_us = self._greeted = None


def _lease_us(lease_ms: int) -> int:
    return 1000 * max(0, min(lease_ms, MAX_LEASE_MS))
