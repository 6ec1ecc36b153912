"""Dropping the connections of a revoked key: all of an endpoint's are dropped, since ZeroMQ cannot drop one."""

from __future__ import annotations

import zmq

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.logs import get_log
from edge_inspector.signal.guard import Guard

log = get_log(__name__)

LONG_NS = 2_000_000_000
"""The address is free a few milliseconds after it was let go of; after so long somebody else has it."""
RETRY_NS, LATER_NS = 1_000_000, 100_000_000
"""A bind in vain takes 0.07 ms; after LONG_NS there is no hurry any more."""


class Rebinding:
    """Binds a socket anew when its guard wants live connections dropped. Owned by the socket's thread; never waits.

    Messages sent meanwhile reach nobody: clients see the gap and ask for them.
    """

    def __init__(self, socket: zmq.Socket[bytes], name: str, guard: Guard | None) -> None:
        """Look after a socket that is bound.

        Args:
            socket: Whose connections may have to be dropped.
            name: Key under `endpoints`, for the log.
            guard: None for an endpoint without keys, where there is nothing to do.
        """
        self._socket, self._name, self._guard = socket, name, guard
        self._seen = guard.drops if guard is not None else 0
        self._address = socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._since_ns = self._next_ns = 0
        self._was_told = False
        self.is_bound = True
        """False for the moment between letting go of the address and having it again."""

    def step(self) -> None:
        """Do what is to be done now; call it in the loop of the socket's thread."""
        if self._guard is None:
            return
        if self.is_bound and self._guard.drops != self._seen:
            self._seen = self._guard.drops
            # What was accepted through an address ends with it (its sessions are owned by the listener).
            self._socket.unbind(self._address)
            self._since_ns, self.is_bound, self._was_told = monotonic_ns(), False, False
        if not self.is_bound and monotonic_ns() >= self._next_ns:
            self._bind()

    def wait_ms(self, wanted_ms: int) -> int:
        """Return how long its thread may wait before it calls `step` again."""
        return wanted_ms if self.is_bound or self._was_told else min(wanted_ms, 1)

    def _bind(self) -> None:
        now_ns = monotonic_ns()
        try:
            self._socket.bind(self._address)
        except zmq.ZMQError as error:
            self._next_ns = now_ns + (LATER_NS if self._was_told else RETRY_NS)
            if now_ns - self._since_ns > LONG_NS and not self._was_told:
                self._was_told = True
                log.error("not_bound_again", endpoint=self._name, address=self._address, detail=str(error))
            return
        self.is_bound = True
        log.info("bound_again", endpoint=self._name, after_ms=round((now_ns - self._since_ns) / 1e6, 1))
