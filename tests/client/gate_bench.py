"""A gate core on a bench: messages by hand, time by hand."""

from __future__ import annotations

from typing import Any

from edge_inspector.client.decision import Decision, Why
from edge_inspector.client.gate_core import GateCore
from edge_inspector.client.gate_settings import GateSettings
from edge_inspector.client.message import Message
from edge_inspector.client.wire import Flag, Header

EPOCH, LEASE_MS, LATENCY_US, TRAVEL_US = 7, 1000, 10_000, 100_000
SETTINGS = GateSettings(window=4_000, travel=TRAVEL_US, ahead=5_000)
HELLO = {"schema": "insp/1", "line": "l1", "epoch": EPOCH, "state": "Ready", "ready": True, "lease_ms": LEASE_MS}
UTC_US = 10**15


class Bench:
    """Part k is at the sensor, which is the camera's, at k x 20 ms after arming; its verdict comes 10 ms later."""

    def __init__(self, settings: GateSettings = SETTINGS, **hello: Any) -> None:
        self.core = GateCore("l1", settings)
        self.now = 1_000_000
        self.seq = 0
        for _ in range(6):  # what is usual on this network
            self.beat()
            self.now += 100_000
        self.core.arming.asked(self.now)
        self.core.arming.answered({**HELLO, **hello})
        self.beat()

    def hear(self, kind: str, header: Header, body: dict[str, Any], held_us: int = 0) -> None:
        self.core.hear(Message(kind, header, body), self.now - held_us, self.now)

    def beat(self, flags: Flag = Flag.READY, epoch: int = EPOCH, lease_ms: int = LEASE_MS, **body: Any) -> None:
        header = Header(flags, epoch, self.seq, UTC_US + self.now, lease_ms)
        self.hear("hb", header, {"ready": Flag.READY in flags, "enc_now": -1, "enc_age_us": -1, "enc_gen": 0} | body)

    def verdict(
        self, part_id: int = 1, *, flags: Flag = Flag.READY, verdict: str = "PASS", reason: str = "ok",
        budget_us: int = -1, fire_enc: int = -1, epoch: int = EPOCH, seq: int | None = None, held_us: int = 0,
        lag_us: int = 0, **body: Any,
    ) -> None:  # fmt: skip
        self.seq = self.seq + 1 if seq is None else seq
        header = Header(flags, epoch, self.seq, UTC_US + self.now - lag_us, part_id, fire_enc, budget_us)
        values = {"verdict": verdict, "reason": reason, "latency_us": LATENCY_US, "late": False}
        values |= {"enc_trigger": -1, "enc_gen": 0, "enc_modulus": 0} | body
        self.hear("verdict", header, values, held_us)

    def part(self, enc: float | None = None) -> None:
        self.core.part(self.now, enc)

    def go(self, us: int) -> None:
        self.now += us

    def decide(self, after_us: int = TRAVEL_US) -> Decision:
        """Let the part come to the gate, heartbeats going on, and return its decision."""
        ends = self.now + after_us
        while self.now < ends:
            self.now = min(ends, self.now + 1_000)
            if self.now % 100_000 == 0 and self.core.arming.is_armed:
                self.beat()
            if decisions := self.core.due(self.now):
                assert len(decisions) == 1
                return decisions[0]
        raise AssertionError("no decision")

    def why_one(self, **verdict: Any) -> Why:
        """Send one part with one verdict through, and return why it was released or not."""
        self.part()
        self.go(LATENCY_US)
        self.verdict(**verdict)
        return self.decide().why
