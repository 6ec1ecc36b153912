"""The bridge's loop: hears the line, and lets a PLC poll what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from edge_inspector.bridge.handshake import Handshake
from edge_inspector.bridge.modbus import ModbusServer
from edge_inspector.bridge.registers import READ_ONLY_WORDS, RESULT_ACK
from edge_inspector.bridge.results import Results, Trust
from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.live import Live, now_us
from edge_inspector.client.notice import Notice

TURN_S = 0.005
"""The line is looked at so often: less than a PLC's cycle."""
STATUS = 1


@dataclass(frozen=True, slots=True)
class BridgePlan:
    """What a bridge does."""

    line: str
    signals: str
    service: str
    consumer: str
    host: str
    """Where it listens; loopback unless the site says otherwise."""
    port: int
    capacity: int
    """Results that wait behind the presented one."""
    margin_us: int
    """From here to the PLC's output."""
    window_us: int
    """A verdict that was held up for longer is no PASS."""
    trust: Trust
    keys: ClientKeys | None


class ModbusBridge:
    """Joins one line and one Modbus server; one asyncio loop, no thread."""

    def __init__(self, plan: BridgePlan, on_notice: Callable[[Notice], None]) -> None:
        """Connect to the line; succeeds before the daemon is up."""
        self._plan = plan
        self.handshake = Handshake(plan.capacity)
        self._results = Results(plan.line, self.handshake, plan.trust, plan.margin_us, plan.window_us)
        self._live = Live(plan.line, plan.signals, plan.service, plan.consumer, plan.keys, on_notice)

    async def run(self, is_over: Callable[[], bool], on_listening: Callable[[], None] = lambda: None) -> None:
        """Serve until `is_over` says so.

        Raises:
            EndpointError: The Modbus address cannot be bound.
        """
        server = ModbusServer(RESULT_ACK + 1, READ_ONLY_WORDS, self._read, self._was_read, self._write)
        try:
            await server.start(self._plan.host, self._plan.port)
            on_listening()
            while not is_over():
                self._turn()
                await asyncio.sleep(TURN_S)
        finally:
            await server.stop()
            self._live.close()

    def _turn(self) -> None:
        results, live = self._results, self._live
        for heard in live.hear():
            results.hear(heard.message, heard.at_us, heard.now_us)
        results.check(now_us())
        asked, hello = live.serve(must_greet=not results.arming.is_armed)
        if hello is not None:
            results.arming.answered(hello)
        if asked:
            results.arming.asked(now_us())
        if (taken := self.handshake.taken) is not None:
            live.report([], taken.epoch, taken.seq)

    def _read(self) -> list[int]:
        self._results.check(now_us())  # a lease that ended since the last turn
        return self.handshake.read(now_us())

    def _was_read(self, address: int, count: int) -> None:
        if address <= STATUS < address + count:
            self.handshake.was_read()

    def _write(self, address: int, value: int) -> None:
        if address == RESULT_ACK:
            self.handshake.write_ack(value, now_us())
