"""What a gate does with each part: laws 4 and 5 of the wire protocol. Pure: no socket, no clock, no thread.

Times are µs of the gate's own monotonic clock and are given; nothing here waits.
"""

from __future__ import annotations

from collections import deque

from edge_inspector.client.arming import Arming
from edge_inspector.client.decision import Decision, GateCounts, Outcome, Result, Why
from edge_inspector.client.gate_book import Book, Entry
from edge_inspector.client.gate_parts import Part, Parts
from edge_inspector.client.gate_place import BEAT_LAG_US, Places
from edge_inspector.client.gate_settings import GateSettings
from edge_inspector.client.lag import Lag
from edge_inspector.client.message import Message
from edge_inspector.client.stop_line import StopLine
from edge_inspector.client.wire import Flag

PASS_REASONS = frozenset({"ok", "below_area", "bypass"})
"""Reasons of a PASS; another one is a verdict that this reader does not know."""
FAR = 4
"""A `fire_enc` at so many times the gate's own distance is no place of this gate."""
OUTCOMES = 10_000
"""Outcomes kept for a line that does not take them; then the oldest is dropped and counted."""


class GateCore:
    """Takes messages, edges of the part sensor and encoder counts; gives decisions. One thread."""

    def __init__(self, line: str, settings: GateSettings) -> None:
        """Begin disarmed: every part is rejected."""
        self.settings = settings
        self.arming = Arming(line)
        self.counts = GateCounts()
        self.stop = StopLine(settings.stop_after_missing, settings.stop_after_rejects)
        self._lag = Lag(settings.window if settings.match == "time" else BEAT_LAG_US)
        self._places = Places(settings)
        self._book, self._parts = Book(), Parts()
        self._armed_for: int | None = None
        self._disarmings = 0
        self._last_seq = 0
        self._outcomes: deque[Outcome] = deque()
        self._why_all: Why | None = None

    # -- what comes in -----------------------------------------------------------------------------------------------

    def hear(self, message: Message, at_us: int, now_us: int) -> None:
        """Take a message of the line.

        Args:
            message: Any; others than live verdicts and heartbeats change nothing.
            at_us: The earliest moment at which it may have come: the last at which nothing was there.
            now_us: Now.
        """
        if message.kind not in ("hb", "verdict") or not message.is_live:
            return
        lag_us = self._lag.take(message.header.t_utc_us, now_us)
        self.arming.heard(message, at_us, now_us)
        self._follow(message)
        if message.kind == "hb":
            if not self._places.beat(message.body, lag_us, now_us):
                self._book.refuse_all("the camera's encoder count begins anew")
        elif self.arming.epoch == message.header.epoch and message.header.seq > self._last_seq:
            self._last_seq = message.header.seq
            self._enter(message, lag_us, at_us, now_us)

    def part(self, at_us: int, enc: float | None = None) -> int:
        """Take an edge of the own part sensor.

        Args:
            at_us: Its moment, latched as near to the edge as possible.
            enc: Own count at the edge; needed where an encoder is used.

        Returns:
            The part's number, from 1.
        """
        if self.settings.needs_encoder and enc is None:
            raise ValueError("this gate uses an encoder: give the count latched at the edge")
        if enc is not None:
            self.encoder(at_us, enc)
        place = float(enc) if self.settings.match == "encoder" and enc is not None else float(at_us)
        return self._parts.add(at_us, enc, place).number

    def encoder(self, at_us: int, count: float) -> None:
        """Take a reading of the own encoder; counts rise forwards and never wrap."""
        if not self._places.encoder(at_us, count):
            self._book.refuse_all("own encoder went backwards")
            self._why_all = Why.ENCODER  # what waits is decided with the next call of `due`

    # -- what comes out ----------------------------------------------------------------------------------------------

    def due(self, now_us: int) -> list[Decision]:
        """Return the decisions that have to be carried out now, in the order of the parts."""
        self.arming.check(now_us)
        self._follow(None)
        found = []
        while (part := self._parts.first) is not None:
            near = self._book.near(part.place, self.settings.window)
            why = Why.OVERFLOW if self._parts.is_full else self._why_all
            if why is None and not self._is_due(part, near, now_us):
                break
            found.append(self._decide(self._parts.pop(), near, why or self._judge(part, near, now_us)))
        if self._why_all is not None:
            self._parts.forget_places()
            self._why_all = None
        self._clear_away(now_us)
        return found

    @property
    def n_waiting(self) -> int:
        """Parts that the sensor has seen and that are not decided yet."""
        return len(self._parts)

    def take_outcomes(self) -> list[Outcome]:
        """Return what became of verdicts and parts since the last call."""
        found = list(self._outcomes)
        self._outcomes.clear()
        return found

    def settled_upto(self) -> int:
        """Return the seq up to which nothing waits any more; 0 before the first verdict."""
        first = self._book.first_seq()
        return self._last_seq if first is None else first - 1

    # -- inside ------------------------------------------------------------------------------------------------------

    def _follow(self, message: Message | None) -> None:
        """Notice that the line was lost, or found."""
        if (self.arming.epoch, self.arming.disarmings) == (self._armed_for, self._disarmings):
            return
        self._book.refuse_all("the line was lost meanwhile")
        if self.arming.epoch is not None and message is not None:
            # What was sent before arming is not acted on, wherever it still is.
            self._last_seq = message.header.seq
        self._armed_for, self._disarmings = self.arming.epoch, self.arming.disarmings

    def _enter(self, message: Message, lag_us: int | None, at_us: int, now_us: int) -> None:
        body, header = message.body, message.header
        place, fire = self._places.expected(message, now_us)
        if place is None:
            self.counts.unplaced_verdicts += 1
            return
        verdict = body.get("verdict")
        if verdict != "REJECT" and (
            verdict != "PASS" or body.get("reason") not in PASS_REASONS or Flag.REJECT in header.flags
        ):
            verdict = "UNKNOWN"
        deadline_us = None
        if header.budget_us >= 0 and fire is None:
            deadline_us = at_us + header.budget_us - self.settings.margin_us
        is_late = Flag.LATE in header.flags or body.get("late") is True
        # By its moment a verdict that was held up, on its way or here, could be taken for the next part's.
        is_held_up = lag_us is None or max(lag_us, now_us - at_us) > self.settings.window
        refused = self._refusal(header.flags, is_held_up and self.settings.match == "time")
        if fire is not None and not 0 < fire <= FAR * self.settings.travel:
            refused, fire = f"fire_enc is {fire:.0f} counts from the sensor", None
        entry = Entry(
            header.epoch, header.seq, header.part_id, place, str(verdict), str(body.get("reason")), deadline_us, fire,
            refused or ("late" if is_late else ""), is_late or refused == "held up",
        )  # fmt: skip
        self.counts.refused_verdicts += bool(entry.refused)
        if (dropped := self._book.add(entry)) is not None:
            self._settle_unmatched(dropped)

    def _refusal(self, flags: Flag, is_held_up: bool) -> str:
        settings = self.settings
        if Flag.SIMULATED in flags and not settings.believes_simulated:
            return "simulated"
        if Flag.DRILL in flags and not settings.believes_drill:
            return "drill"
        if Flag.BYPASS in flags and not settings.believes_bypass:
            return "bypass"
        return "held up" if is_held_up else ""

    def _is_due(self, part: Part, near: list[Entry], now_us: int) -> bool:
        settings = self.settings
        if settings.travel_by == "time":
            return now_us >= part.seen_us + settings.travel - settings.ahead
        ways = [entry.fire for entry in near if entry.fire is not None]
        way = min(ways, default=float(settings.travel))
        return self._way_of(part) >= way - settings.ahead

    def _is_too_late(self, part: Part, entry: Entry, now_us: int) -> bool:
        if entry.deadline_us is not None and now_us > entry.deadline_us:
            return True
        settings = self.settings
        least = settings.ahead // 4 if settings.least is None else settings.least
        if settings.travel_by == "time":
            return now_us > part.seen_us + settings.travel - least
        way = settings.travel if entry.fire is None else entry.fire
        return self._way_of(part) >= way - least

    def _way_of(self, part: Part) -> float:
        """Return how many counts a part has gone since the sensor."""
        enc_now = self._places.enc_now
        return enc_now - part.enc if enc_now is not None and part.enc is not None else 0.0

    def _decide(self, part: Part, near: list[Entry], why: Why) -> Decision:
        one = near[0] if len({entry.part_id for entry in near}) == 1 else None
        self._count(why)
        self._record(part, near, why)
        for entry in near:
            entry.is_used = True
        return Decision(
            part.number, why is Why.PASS, why, part.seen_us,
            one.part_id if one else None, one.seq if one else None, one.reason if one else "",
        )  # fmt: skip

    def _judge(self, part: Part, near: list[Entry], now_us: int) -> Why:
        """The rule itself: everything but one live PASS of exactly this part rejects."""
        if not self.arming.is_armed:
            return Why.NOT_ARMED
        if not near:
            return Why.NO_VERDICT
        verdicts = {entry.verdict for entry in near}
        if verdicts != {"PASS"}:  # of two verdicts for one part the strictest counts
            return Why.REJECT if "REJECT" in verdicts else Why.UNKNOWN
        if any(entry.refused for entry in near):
            return Why.LATE if any(entry.is_late for entry in near) else Why.REFUSED
        is_one = len({entry.part_id for entry in near}) == 1 and not any(entry.is_used for entry in near)
        is_alone = self._parts.n_near(part.place, 2 * self.settings.window) == 1
        if not is_one or not is_alone:
            return Why.AMBIGUOUS
        return Why.LATE if any(self._is_too_late(part, entry, now_us) for entry in near) else Why.PASS

    def _count(self, why: Why) -> None:
        counts, is_released = self.counts, why is Why.PASS
        counts.parts += 1
        counts.released += is_released
        counts.rejected += not is_released
        counts.no_verdict += why in (Why.NO_VERDICT, Why.NOT_ARMED)
        counts.late += why is Why.LATE
        counts.ambiguous += why is Why.AMBIGUOUS
        self.stop.decided(why)

    def _record(self, part: Part, near: list[Entry], why: Why) -> None:
        if not near and part.enc is not None and self._armed_for is not None:
            self._keep(Outcome(self._armed_for, Result.UNKNOWN_PART, enc=round(part.enc)))
        result = {Why.PASS: Result.RELEASED, Why.LATE: Result.LATE}.get(why, Result.FIRED)
        for entry in near:
            if not entry.is_used:
                self._keep(Outcome(entry.epoch, result, entry.seq))

    def _settle_unmatched(self, entry: Entry) -> None:
        if not entry.is_used:
            is_behind = self._parts.n_near(entry.place, self.settings.window) > 0  # the part was decided before it came
            result = Result.LATE if entry.is_late or is_behind else Result.MISSED
            self._keep(Outcome(entry.epoch, result, entry.seq))

    def _keep(self, outcome: Outcome) -> None:
        if len(self._outcomes) >= OUTCOMES:
            self._outcomes.popleft()
            self.counts.outcomes_dropped += 1
        self._outcomes.append(outcome)

    def _clear_away(self, now_us: int) -> None:
        """Let go of verdicts whose part cannot come any more."""
        here = float(now_us) if self.settings.match == "time" else self._places.enc_now
        if here is None:
            return
        first = self._parts.first
        behind = min(here, first.place if first else here) - 4 * self.settings.window
        for entry in self._book.take_before(behind):
            self._settle_unmatched(entry)
