"""A real gate of the SDK, wired to nothing, and beside it a plain ear: what the one did is judged by the other."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

from edge_inspector.client.decision import Decision
from edge_inspector.client.gate import Gate
from edge_inspector.client.gate_settings import GateSettings
from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.message import Message
from edge_inspector.client.notice import Notice, NoticeName
from edge_inspector.client.subscriber import Subscriber
from edge_inspector.client.wire import Flag
from edge_inspector.drill.seen import Acted, Arming, Beat, Heard, Seen

TURN_S = 0.005
LOOK_S = 3.0
"""So long it listens for the pace of the parts."""
TRAVEL_US = 60_000_000
HOLD_US = 30_000
"""A part reaches the witness's gate so long after its verdict is usually heard."""
LEAST_WINDOW_US, MOST_WINDOW_US = 1_000, 50_000
SILENT_US = 100_000
"""No verdict for so long, and for more than two parts: from then on parts without a verdict come to the gate."""


class GateLike(Protocol):
    """What the witness needs of a gate."""

    @property
    def is_armed(self) -> bool:
        """Whether it would release."""
        ...

    @property
    def why(self) -> str:
        """Why not."""
        ...

    def step(self, timeout_s: float) -> list[Decision]:
        """Hear the line and decide."""
        ...

    def part(self, at_us: int) -> int:
        """A part is at its sensor."""
        ...

    def close(self) -> None:
        """Disconnect."""
        ...


MakeGate = Callable[[GateSettings], GateLike]


class Witness:
    """Watches one line. One thread; `watch` must run all the time while something is measured.

    Its part sensor is made of the verdicts themselves: each that is heard has its part. While none is heard, parts
    come all the same, at the line's pace: they have no verdict, and must be rejected.
    """

    def __init__(
        self,
        line: str,
        signals: str,
        service: str,
        make_gate: MakeGate | None = None,
        keys: ClientKeys | None = None,
    ) -> None:
        """Connect; look for the line's pace before the first drill.

        Args:
            line: Its name.
            signals: Address of the signals endpoint.
            service: Address of the service endpoint.
            make_gate: Another gate than the SDK's, for a test of the drill itself.
            keys: None for a line without keys.
        """
        self._refusal = ""
        self._ear = Subscriber(line, [signals], keys=keys, on_notice=self._note)
        # Without a consumer's name: what it does with parts that are not there is nothing for the line's record.
        self._make_gate = make_gate or (
            lambda settings: Gate(
                line, settings, consumer=None, signals=signals, service=service, keys=keys, on_notice=self._note
            )
        )
        self._gate: GateLike | None = None
        self._latencies: list[int] = []
        self._triggers: list[int] = []
        self._turned_us = self._verdict_us = self._probe_us = now_us()
        self._is_armed = False
        self.seen = Seen()
        """What was seen since `begin`."""

    def look(self) -> None:
        """Find out how fast parts come, and build the gate for that."""
        ends_us = now_us() + round(LOOK_S * 1e6)
        while now_us() < ends_us:
            self._hear()
            time.sleep(TURN_S)
        ways = [b - a for a, b in zip(self._triggers, self._triggers[1:], strict=False) if b > a]
        period_us = round(statistics.median(ways)) if ways else None
        latency_us = round(statistics.median(self._latencies)) if self._latencies else 0
        window_us = max(LEAST_WINDOW_US, min(MOST_WINDOW_US, (period_us or MOST_WINDOW_US * 5) // 5))
        settings = GateSettings(
            window=window_us, travel=TRAVEL_US, ahead=TRAVEL_US - latency_us - HOLD_US, margin_us=0,
            believes_simulated=True, believes_drill=True, believes_bypass=True,
        )  # fmt: skip
        self.seen.period_us, self.seen.hold_us = period_us, latency_us + 2 * HOLD_US
        self._gate = self._make_gate(settings)

    def begin(self) -> None:
        """Forget what was seen so far."""
        self.seen = Seen(period_us=self.seen.period_us, hold_us=self.seen.hold_us, was_armed=self._is_armed)
        self._turned_us = now_us()

    def mark(self) -> None:
        """The plug is pulled now."""
        self.seen.pulled_us, self.seen.was_armed, self.seen.blind_us = now_us(), self._is_armed, 0

    @property
    def is_armed(self) -> bool:
        """Whether the gate was armed at its last turn."""
        return self._is_armed

    @property
    def why(self) -> str:
        """Why it was not."""
        why = self._gate.why if self._gate is not None else "the gate is not built yet"
        return "; ".join(filter(None, (why, self._refusal)))

    @property
    def beat(self) -> Beat | None:
        """The newest heartbeat since `begin`."""
        return self.seen.beats[-1] if self.seen.beats else None

    def watch(self, is_over: Callable[[], bool], timeout_s: float) -> bool:
        """Watch until something has happened; False when it did not within the time."""
        ends_us = now_us() + round(timeout_s * 1e6)
        while not is_over():
            if now_us() > ends_us:
                return False
            self._turn()
        return True

    def watch_for(self, seconds: float) -> None:
        """Watch for so long."""
        self.watch(lambda: False, seconds)

    def _note(self, notice: Notice) -> None:
        if notice.name is NoticeName.REFUSED:
            self._refusal = notice.detail

    def _turn(self) -> None:
        gate = self._gate
        assert gate is not None, "look comes first"
        decisions = gate.step(TURN_S)
        at_us = now_us()
        self.seen.blind_us = max(self.seen.blind_us, at_us - self._turned_us - round(TURN_S * 1e6))
        self._turned_us = at_us
        self.seen.acts += [Acted(at_us, one.release, str(one.why), one.seq, one.part) for one in decisions]
        for trigger_us in self._hear():
            self.seen.parts.append((now_us(), gate.part(trigger_us)))
        self._probe(gate)
        if gate.is_armed != self._is_armed:
            self._is_armed = not self._is_armed
            self.seen.armings.append(Arming(now_us(), self._is_armed, gate.why))

    def _probe(self, gate: GateLike) -> None:
        at_us, pace_us = now_us(), max(20_000, self.seen.period_us or SILENT_US)
        if at_us - self._verdict_us > max(SILENT_US, 2 * pace_us) and at_us - self._probe_us >= pace_us:
            self._probe_us = at_us
            self.seen.parts.append((at_us, gate.part(at_us)))

    def _hear(self) -> list[int]:
        """Take in what was sent; returns the triggers of live verdicts, on the own clock."""
        triggers = []
        while (message := self._ear.receive(0.0)) is not None:
            if message.kind == "hb":
                self.seen.beats.append(_beat(message))
            elif message.kind == "verdict":
                self.seen.verdicts.append(_heard(message))
                if message.is_live:
                    self._verdict_us = now_us()
                    triggers.append(self._verdict_us - max(0, int(message.body.get("latency_us", 0))))
                    self._latencies = [*self._latencies[-200:], int(message.body.get("latency_us", 0))]
        self._triggers = [*self._triggers[-200:], *triggers]
        return triggers

    def close(self) -> None:
        """Disconnect."""
        if self._gate is not None:
            self._gate.close()
        self._ear.__exit__(None, None, None)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        self.close()


def _beat(message: Message) -> Beat:
    header, body = message.header, message.body
    count: Callable[[str], Any] = lambda key: int(body.get(key, 0))  # noqa: E731
    judged = count("passes") + count("rejects") + count("unknowns")
    return Beat(
        now_us(), header.epoch, header.seq, Flag.READY in header.flags, Flag.DRILL in header.flags,
        1000 * header.part_id, tuple(map(str, body.get("faults", ()))),
        count("triggers") - judged - count("in_flight"), count("in_flight"),
    )  # fmt: skip


def _heard(message: Message) -> Heard:
    header, body = message.header, message.body
    may_release = body.get("verdict") == "PASS" and not header.flags & (Flag.REJECT | Flag.LATE | Flag.REPLAYED)
    return Heard(
        now_us(), header.epoch, header.seq, str(body.get("reason")), may_release, message.is_live,
        Flag.DRILL in header.flags,
    )  # fmt: skip


def now_us() -> int:
    """Return the monotonic clock in µs."""
    return time.monotonic_ns() // 1000
