"""A belt, a camera, a line and a network in simulated time, with a gate core at the end.

Everything that can go wrong does, by chance; what is true is known, so every decision of the gate can be checked.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from edge_inspector.client.decision import Decision
from edge_inspector.client.gate_core import GateCore
from edge_inspector.client.gate_settings import GateSettings
from edge_inspector.client.message import Message
from edge_inspector.client.wire import Flag, Header

LINE = "l1"
COUNTS_PER_US = 0.01
"""At nominal speed: 10 counts a ms."""
LEASE_MS = 1000
MODULUS = 1 << 16


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, as probabilities or sizes; all 0 is a quiet day."""

    drop: float = 0.0
    """Of messages."""
    replayed: float = 0.0
    """Of verdicts: come again, marked."""
    twice: float = 0.0
    """Of verdicts: a second verdict for the part, of another seq, that says PASS."""
    stall_ms: int = 0
    """Longest time for which the network holds everything up."""
    lag_ms: int = 0
    """Longest time for which the gate's own program stands still."""
    speed: float = 0.0
    """Share by which the belt changes its speed."""
    kills: float = 0.0
    """Of heartbeats: the inspect process is gone for 0.3 to 1.5 s after it."""
    not_ready: float = 0.0
    """Of heartbeats."""
    new_epoch: float = 0.0
    """Of heartbeats: the numbers begin anew after it."""
    utc_jumps: float = 0.0
    """Of messages: the label of the send jumps."""
    enc_reset: float = 0.0
    """Of parts: the camera's encoder is reset before it, and `enc_gen` rises."""
    missed: float = 0.0
    """Of parts: the camera has no trigger for it."""
    blind: float = 0.0
    """Of parts: the gate's own sensor does not see it."""
    bounce: float = 0.0
    """Of parts: the gate's own sensor gives a second edge within some ms."""


@dataclass
class Physical:
    """A part as it is."""

    id: int
    trigger_us: int
    is_bad: bool
    passed: list[int] = field(default_factory=list)
    """Moments at which a live PASS of it, that may be acted on, was handed to the gate."""
    deadline_us: int | None = None


class World:
    """One run. `decisions` pairs what the gate decided with the part that was there, None for a mere edge."""

    def __init__(
        self, seed: int, trouble: Trouble, settings: GateSettings, *, sensor_us: int = 0, budget_us: int = -1,
        fire_counts: int = -1, has_encoder: bool = True, parts: int = 80, rate_us: int = 20_000,
    ) -> None:  # fmt: skip
        self._random, self.trouble, self.settings = Random(seed), trouble, settings
        self._sensor_us, self._budget_us, self._fire_counts = sensor_us, budget_us, fire_counts
        self._has_encoder = has_encoder
        self.core = GateCore(LINE, settings)
        self.decisions: list[tuple[Decision, Physical | None, int]] = []
        self.beats_us: list[int] = []
        self._number, self._queue = count(), list[tuple[int, int, str, Any]]()
        self._stream: deque[Message] = deque()
        self._held_until_us = self._blind_until_us = self._dead_until_us = 0
        self._empty_us = 0
        self._epoch, self._seq, self._utc_us, self._ready = 7, 0, 10**15, True
        self._gen, self._zero = 0, 5_000
        self._hello_at: tuple[int, dict[str, Any]] | None = None
        self._lay_belt(parts, rate_us)

    # The belt: position in nominal µs as a function of time.
    def _lay_belt(self, n: int, rate_us: int) -> None:
        self._legs = [(0, 0.0, 1.0)]
        at, way = 0, 0.0
        while way < n * rate_us + 3_000_000:
            lasts = self._random.randrange(100_000, 400_000)
            way += lasts * self._legs[-1][2]
            at += lasts
            self._legs.append((at, way, 1.0 + self._random.uniform(-1, 1) * self.trouble.speed))
        self._physical: dict[int, Physical | None] = {}
        place = 1_000_000.0
        for i in range(n):
            place += rate_us * self._random.uniform(0.8, 1.2)
            part = Physical(100 + i, self._when(place), self._random.random() < 0.1)
            self._push(part.trigger_us, "trigger", part)
            seen = part if self._random.random() >= self.trouble.blind else None
            if seen is not None:
                self._push(self._when(place + self._sensor_us), "edge", part)
            if self._random.random() < self.trouble.bounce:  # of a part that was not seen before it is the edge itself
                edge = None if seen else part
                self._push(self._when(place + self._sensor_us) + self._random.randrange(500, 4_000), "edge", edge)
        self._ends_us = self._when(place) + 1_500_000
        self._push(0, "beat", None)

    def _when(self, place: float) -> int:
        for at, way, speed in reversed(self._legs):
            if place >= way:
                return round(at + (place - way) / speed)
        raise AssertionError(place)

    def _counts(self, us: int) -> float:
        for at, way, speed in reversed(self._legs):
            if us >= at:
                return (way + (us - at) * speed) * COUNTS_PER_US
        raise AssertionError(us)

    def _push(self, at_us: int, what: str, item: Any) -> None:
        heapq.heappush(self._queue, (at_us, next(self._number), what, item))

    def run(self) -> World:
        """Let it all happen, the gate looking each ms or so."""
        now, last = 0, 0
        while now < self._ends_us:
            now += self._random.choice((500, 1_000, 2_000))
            if self.trouble.lag_ms and self._random.random() < 0.002:
                now += self._random.randrange(self.trouble.lag_ms * 1000)
            edges = self._happen(now)
            self._gate_turn(now, edges)
            last = now
        assert last
        return self

    def _happen(self, now: int) -> list[tuple[int, Physical | None]]:
        edges = []
        while self._queue and self._queue[0][0] <= now:
            at, _, what, item = heapq.heappop(self._queue)
            if what == "edge":
                edges.append((at, item))
            elif what == "trigger":
                self._trigger(at, item)
            elif what == "beat":
                self._beat(at)
            elif what == "judge":
                self._judge(at, *item)
            else:
                self._stream.append(item)
        return edges

    def _gate_turn(self, now: int, edges: list[tuple[int, Physical | None]]) -> None:
        core = self.core
        if self.settings.needs_encoder:
            core.encoder(now, self._counts(now))
        while self._stream:
            message = self._stream.popleft()
            core.hear(message, self._empty_us, now)
            self._known(message, now)
        self._empty_us = now
        if self._hello_at is not None and now >= self._hello_at[0]:
            core.arming.answered(self._hello_at[1])
            self._hello_at = None
        if not core.arming.is_armed and self._hello_at is None:
            core.arming.asked(now)
            hello = {"schema": "insp/1", "line": LINE, "epoch": self._epoch, "state": "Ready"}
            hello |= {"ready": self._ready and now > self._dead_until_us, "lease_ms": LEASE_MS}
            self._hello_at = (now + self._random.randrange(1_000, 50_000), hello)
        for at, part in edges:
            self._physical[core.part(at, self._counts(at) if self.settings.needs_encoder else None)] = part
        self.decisions += [(decision, self._physical[decision.part], now) for decision in core.due(now)]

    # The line
    def _trigger(self, at: int, part: Physical) -> None:
        if self._random.random() < self.trouble.enc_reset:
            self._gen, self._zero = self._gen + 1, self._random.randrange(MODULUS)
        if self._random.random() < self.trouble.missed or at < self._dead_until_us:
            return
        self._last = (round(self._counts(at)) + self._zero, at)
        self._push(at + self._random.randrange(1_000, 30_000), "judge", (part, self._last[0], self._gen))

    def _judge(self, now: int, part: Physical, enc: int, gen: int) -> None:
        if now < self._dead_until_us:
            return
        flags = Flag.READY if self._ready else Flag(0)
        latency = now - part.trigger_us
        budget = -1 if self._budget_us < 0 else max(0, self._budget_us - latency)
        is_late = self._budget_us >= 0 and latency > self._budget_us
        verdict, reason = ("REJECT", "defect") if part.is_bad else ("PASS", "ok")
        if is_late or self._random.random() < 0.02:
            verdict, reason = "UNKNOWN", "deadline"
        if is_late:
            flags |= Flag.LATE
        if self._budget_us >= 0:
            part.deadline_us = part.trigger_us + self._budget_us
        was_sent = self._verdict(now, part, verdict, reason, flags, latency, budget, enc, gen)
        if was_sent and self._random.random() < self.trouble.twice and verdict != "PASS":
            self._verdict(now, part, "PASS", "ok", flags, latency, budget, enc, gen)

    def _verdict(
        self, now: int, part: Physical, verdict: str, reason: str, flags: Flag, latency: int, budget: int, enc: int,
        gen: int,
    ) -> bool:  # fmt: skip
        self._seq += 1
        has = self._has_encoder
        fire = (enc + self._fire_counts) % MODULUS if has and self._fire_counts >= 0 else -1
        if verdict != "PASS":
            flags |= Flag.REJECT
        header = Header(flags, self._epoch, self._seq, self._label(now), part.id, fire, budget)
        body = {
            "verdict": verdict, "reason": reason, "latency_us": latency, "late": Flag.LATE in flags,
            "enc_trigger": enc % MODULUS if has else -1, "enc_gen": gen, "enc_modulus": MODULUS if has else 0,
        }  # fmt: skip
        message = Message("verdict", header, body)
        if self._random.random() < self.trouble.replayed:
            self._send(now + self._random.randrange(300_000), message.replayed())
        return self._send(now, message)

    def _beat(self, now: int) -> None:
        self._push(now + 100_000, "beat", None)
        if now < self._dead_until_us:
            return
        self._ready = self._random.random() >= self.trouble.not_ready
        enc, at = getattr(self, "_last", (-1, now))
        body: dict[str, Any] = {"ready": self._ready, "enc_now": -1, "enc_age_us": -1, "enc_gen": self._gen}
        if self._has_encoder and enc >= 0:
            body |= {"enc_now": enc % MODULUS, "enc_age_us": now - at}
        flags = Flag.READY if self._ready else Flag(0)
        self._send(now, Message("hb", Header(flags, self._epoch, self._seq, self._label(now), LEASE_MS), body))
        if self._random.random() < self.trouble.new_epoch:
            self._epoch, self._seq = self._epoch + 1, 0
        if self._random.random() < self.trouble.kills:
            self._dead_until_us = now + self._random.randrange(300_000, 1_500_000)

    def _label(self, now: int) -> int:
        if self._random.random() < self.trouble.utc_jumps:
            self._utc_us += self._random.randrange(-3_600_000_000, 3_600_000_000)
        return now + self._utc_us

    def _send(self, now: int, message: Message) -> bool:
        """In order, however long the network holds things up; False when the message is lost."""
        if self._random.random() < self.trouble.drop:
            return False
        if self.trouble.stall_ms and self._random.random() < 0.01:
            self._held_until_us = now + self._random.randrange(self.trouble.stall_ms * 1000)
        self._held_until_us = max(self._held_until_us, now + self._random.randrange(100, 400))
        self._push(self._held_until_us, "arrive", message)
        return True

    def _known(self, message: Message, now: int) -> None:
        header = message.header
        if message.kind == "hb" and Flag.READY in header.flags:
            self.beats_us.append(now)
        may_act = header.flags == Flag.READY and message.body.get("verdict") == "PASS"
        if message.kind == "verdict" and may_act:
            self._passes.setdefault(header.part_id, []).append(now)

    @property
    def _passes(self) -> dict[int, list[int]]:
        return self.__dict__.setdefault("_pass_times", {})

    # What must hold
    def wrong(self) -> list[str]:
        """Return every decision that breaks a law."""
        found = []
        for decision, part, now in self.decisions:
            if not decision.release:
                continue
            heard = [at for at in self._passes.get(part.id, []) if at <= now] if part else []
            if part is None or part.is_bad or not heard or decision.part_id != part.id:
                found.append(f"released without a PASS of its own: {decision} {part} heard {heard}")
            elif not any(0 <= now - at <= LEASE_MS * 1000 for at in self.beats_us):
                found.append(f"released without a live line: {decision}")
            elif part.deadline_us is not None and self._fire_counts < 0 and now > part.deadline_us:
                found.append(f"released after the deadline: {decision} {now - part.deadline_us}")
            elif now > decision.seen_us + self.settings.travel and self.settings.travel_by == "time":
                found.append(f"released when it was past: {decision}")
        return found

    @property
    def good_released(self) -> float:
        """Share of the good parts that the gate let go."""
        good = [decision.release for decision, part, _ in self.decisions if part is not None and not part.is_bad]
        return sum(good) / max(1, len(good))
