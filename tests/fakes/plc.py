"""What a PLC program does with the registers, by the addresses of the page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fakes.raw_modbus import RawModbus

TRIGGER_READY, BUSY, TOGGLE, VALID, FAULT, HEARTBEAT, OVERFLOW, BYPASS, SIMULATED, DRILL = (1 << n for n in range(10))
NONE, PASS, REJECT, UNKNOWN, FAIL_SAFE = 0, 1, 2, 3, 255
N_WORDS, RESULT_ACK = 33, 40
LIMIT_S = 15.0


@dataclass(frozen=True)
class Seen:
    """One answer to one request for everything."""

    words: list[int]

    @property
    def status(self) -> int:
        return self.words[1]

    @property
    def fault(self) -> int:
        return self.words[3]

    @property
    def id(self) -> int:
        return self.words[5]

    @property
    def code(self) -> int:
        return self.words[6]

    @property
    def part_id(self) -> int:
        return self.wide(10)

    def wide(self, address: int) -> int:
        """A signed value of two words."""
        value = self.words[address] << 16 | self.words[address + 1]
        return value - (1 << 32) if value >> 31 else value

    def has(self, bit: int) -> bool:
        return bool(self.status & bit)


class Plc:
    """Polls until something is true."""

    def __init__(self, modbus: RawModbus) -> None:
        self.modbus = modbus

    def look(self, function: int = 3) -> Seen:
        return Seen(self.modbus.read(0, N_WORDS, function))

    def until(self, is_true: Callable[[Seen], Any], what: str) -> Seen:
        ends_s = time.monotonic() + LIMIT_S
        while not is_true(seen := self.look()):
            assert time.monotonic() < ends_s, f"waited for {what}: {seen}"
            time.sleep(0.002)
        return seen

    def result(self) -> Seen:
        """Return the next result, not acknowledged yet."""
        return self.until(lambda seen: seen.has(VALID), "a result")

    def ready(self) -> Seen:
        return self.until(lambda seen: seen.has(TRIGGER_READY), "TriggerReady")

    def take(self) -> Seen:
        """Take the next result as the page says."""
        seen = self.result()
        self.modbus.write(RESULT_ACK, seen.id)
        return seen
