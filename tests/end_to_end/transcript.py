"""What an outsider can hold a line to: every rule of the protocol that shows in what a subscriber heard.

Written from the protocol page alone, like the witness; knows nothing of the package under test.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import bodies
from witness import BYPASS, DRILL, LATE, READY, REJECT, REPLAYED, SIMULATED, Head, read_head

KINDS = ("verdict", "hb", "state", "event", "metrics")
KNOWN_FLAGS = REPLAYED | SIMULATED | DRILL | LATE | REJECT | READY | BYPASS
PLAUSIBLE_US = 600 * 1_000_000
"""A label of the send may be so far from the moment of receipt: more is another unit or another epoch of time."""
LABEL_US = 500_000
"""Two labels of UTC are compared with so much room: the clock may be slewed between them."""
COLUMN = {"PASS": "passes", "REJECT": "rejects", "UNKNOWN": "unknowns"}
TOTALS = ("passes", "rejects", "unknowns", "lates")


@dataclass
class Numbers:
    """What was heard of one epoch."""

    head: int = 0
    gaps_allowed: int = 0
    is_counted: bool = True
    """False after a forgiven gap, until the next heartbeat says how the missed verdicts were."""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOTALS, 0))
    heard: dict[int, bytes] = field(default_factory=dict)
    parts: set[int] = field(default_factory=set)
    beat: dict[str, Any] | None = None
    simulated: int | None = None
    state: tuple[str, str] | None = None
    counters: dict[str, float] = field(default_factory=dict)
    is_restarted: bool = False
    """The daemon may be another one since the last heartbeat: parts that it had no verdict for are lost."""
    bypassed_utc_us: int = 0
    """Label of the newest message with the bypass flag."""
    bypass: list[dict[str, Any]] = field(default_factory=list)
    """Events of bypass."""


class Checker:
    """Takes records one by one and collects violations."""

    def __init__(self, line: str | None, frame_hw: tuple[int, int] | None, joined_late: bool) -> None:
        self._line, self._frame_hw = line, frame_hw
        self._joined_late = joined_late
        self._allowance = int(joined_late)
        self._epochs: dict[int, Numbers] = {}
        self._newest: dict[str, int] = {}
        self._last_part = 0
        self._at = 0
        self.found: list[str] = []

    def say(self, what: str) -> None:
        self.found.append(f"record {self._at}: {what}")

    def feed(self, record: str) -> None:
        """Check one record."""
        self._at += 1
        row = json.loads(record)
        if "link" in row:
            for numbers in self._epochs.values():
                numbers.gaps_allowed += (row["link"], row["endpoint"]) == ("down", "signals")
                if (row["link"], row["endpoint"]) == ("up", "telemetry"):
                    # A daemon that starts again goes on in the epoch, but begins its state and its metrics anew.
                    numbers.state, numbers.counters, numbers.is_restarted = None, {}, True
            return
        frames = [bytes.fromhex(frame) for frame in row["frames"]]
        if len(frames) != 3:
            self.say(f"message of {len(frames)} frames, not 3")
            return
        kind = self._topic(frames[0])
        if kind is None or len(frames[1]) != 48:
            self.say(f"header of {len(frames[1])} bytes, topic {frames[0]!r}")
            return
        head, body = read_head(frames[1]), self._body(frames[2])
        if body is not None and self._header(kind, head, row["at_utc_us"]):
            self._message(kind, head, body, frames[2])

    def end(self, drained: bool) -> None:
        """Check what must hold at the end; `drained`: the line was stopped in good order."""
        if not self._epochs:
            self.found.append("end: nothing was heard")
        for numbers in self._epochs.values():
            # Signals and telemetry have no order between them, so flags and events are compared when all is heard.
            self._bypass(numbers, drained)
        if not drained or not self._epochs:
            return
        numbers = self._epochs[self._newest.get("signals", next(iter(self._epochs)))]
        beat = numbers.beat or {}
        for key, wanted in (("in_flight", 0), ("state", "Halted"), ("ready", False)):
            if beat.get(key) != wanted:
                self.found.append(f"end: last heartbeat has {key} {beat.get(key)!r}, not {wanted!r}")
        if numbers.state is None or numbers.state[0] != "Halted":
            self.found.append(f"end: last state message is {numbers.state}, not Halted")

    def _topic(self, topic: bytes) -> str | None:
        words = topic.decode("ascii", "replace").split(".")
        if len(words) != 4 or words[:2] != ["insp", "v1"] or words[3] not in KINDS:
            self.say(f"topic {topic!r}")
            return None
        if not bodies.is_line_name(words[2]) or (self._line is not None and words[2] != self._line):
            self.say(f"line in topic {topic!r}")
        self._line = self._line or words[2]
        return words[3]

    def _body(self, data: bytes) -> dict[str, Any] | None:
        try:
            body = bodies.parse(data)
        except ValueError as error:
            self.say(f"body: {error}")
            return None
        return body

    def _header(self, kind: str, head: Head, at_utc_us: int) -> bool:
        if (head.magic, head.version) != (b"IN", 1):
            self.say(f"magic {head.magic!r} version {head.version}")
            return False
        if head.flags & ~KNOWN_FLAGS:
            self.say(f"flags {head.flags:#x} has a bit without a meaning")
        if abs(head.t_utc_us - at_utc_us) > PLAUSIBLE_US:
            self.say(f"t_utc_us {head.t_utc_us} is far from {at_utc_us}")
        if kind != "verdict" and head.budget_us != -1:
            self.say(f"budget_us {head.budget_us} in a {kind}")
        if kind in ("state", "event", "metrics") and (head.part_id != 0 or head.fire_enc != -1):
            self.say(f"{kind} with part_id {head.part_id}, fire_enc {head.fire_enc}")
        return True

    def _message(self, kind: str, head: Head, body: dict[str, Any], raw: bytes) -> None:
        socket = "signals" if kind in ("verdict", "hb") else "telemetry"
        if head.epoch not in self._epochs:
            self._epochs[head.epoch] = Numbers(gaps_allowed=self._allowance)
            self._newest[socket] = head.epoch
        elif self._newest.setdefault(socket, head.epoch) != head.epoch:
            if head.epoch == next(reversed(self._epochs)):
                self._newest[socket] = head.epoch
            elif not head.flags & REPLAYED:
                self.say(f"epoch {head.epoch} again after {self._newest[socket]}")
        numbers = self._epochs[head.epoch]
        if head.flags & BYPASS:
            numbers.bypassed_utc_us = max(numbers.bypassed_utc_us, head.t_utc_us)
        simulated = head.flags & SIMULATED
        if numbers.simulated not in (None, simulated):
            self.say("the simulated flag changed")
        numbers.simulated = simulated
        before = len(self.found)
        for what in bodies.check(kind, body, self._frame_hw):
            self.say(f"{kind}: {what}")
        self._agrees(head, body)
        if len(self.found) > before and kind in ("verdict", "hb"):
            # A body of wrong types cannot be counted; its number still was used.
            numbers.head = max(numbers.head, head.seq)
            numbers.is_counted = False
            return
        {"verdict": self._verdict, "hb": self._beat, "state": self._state, "event": self._event}.get(
            kind, self._metrics
        )(numbers, head, body, raw)

    def _agrees(self, head: Head, body: dict[str, Any]) -> None:
        for key, there in (("v", 1), ("line", self._line), ("epoch", head.epoch)):
            if key in body and (body[key] != there or type(body[key]) is not type(there)):
                self.say(f"{key} is {body[key]!r} in the body, {there!r} outside")

    def _gap(self, numbers: Numbers, seq: int, what: str) -> None:
        if numbers.gaps_allowed > 0:
            numbers.gaps_allowed -= 1
            numbers.is_counted = False
        else:
            self.say(f"gap: {what} after seq {numbers.head}")
        numbers.head = seq

    def _verdict(self, numbers: Numbers, head: Head, body: dict[str, Any], raw: bytes) -> None:
        for what in bodies.header_differences(head, body):
            self.say(f"verdict: {what}")
        if head.seq in numbers.heard:
            if not head.flags & REPLAYED:
                self.say(f"seq {head.seq} twice, not marked replayed")
            if numbers.heard[head.seq] != raw:
                self.say(f"seq {head.seq} twice with different content")
            return
        if head.seq <= numbers.head:
            self.say(f"out of order: seq {head.seq} after {numbers.head}")
        elif head.seq > numbers.head + 1:
            self._gap(numbers, head.seq, f"seq {head.seq}")
        if head.part_id in numbers.parts:
            self.say(f"part_id {head.part_id} has two verdicts")
        elif head.part_id <= self._last_part:
            self.say(f"part_id {head.part_id} after {self._last_part}")
        numbers.head = max(numbers.head, head.seq)
        self._last_part = max(self._last_part, head.part_id)
        numbers.heard[head.seq] = raw
        numbers.parts.add(head.part_id)
        numbers.counts[COLUMN[body["verdict"]]] += 1
        numbers.counts["lates"] += body["late"]

    def _beat(self, numbers: Numbers, head: Head, body: dict[str, Any], _: bytes) -> None:
        if head.flags & (REJECT | LATE | REPLAYED):
            self.say(f"hb: flags {head.flags:#x}")
        pairs = (
            ("head_seq", head.seq),
            ("lease_ms", head.part_id),
            ("enc_now", head.fire_enc),
            ("ready", bool(head.flags & READY)),
        )
        for key, there in pairs:
            if body[key] != there:
                self.say(f"hb: {key} is {body[key]} in the body, {there} in the header")
        if body["triggers"] != body["passes"] + body["rejects"] + body["unknowns"] + body["in_flight"]:
            self.say("hb: conservation: triggers is not passes + rejects + unknowns + in_flight")
        if body["passes"] + body["rejects"] + body["unknowns"] != body["head_seq"]:
            self.say("hb: head_seq is not the number of verdicts")
        for key in ("head_seq", "triggers", *TOTALS):
            if numbers.is_restarted and key == "triggers":
                continue
            if numbers.beat is not None and body[key] < numbers.beat[key]:
                self.say(f"hb: {key} went from {numbers.beat[key]} back to {body[key]}")
        if body["head_seq"] < numbers.head:
            self.say(f"hb: head_seq {body['head_seq']}, seq {numbers.head} was sent before")
        elif body["head_seq"] > numbers.head:
            self._gap(numbers, body["head_seq"], f"head_seq {body['head_seq']}")
        totals = {key: body[key] for key in TOTALS}
        if numbers.is_counted and totals != numbers.counts:
            self.say(f"hb: totals {totals}, heard were {numbers.counts}")
        numbers.is_counted, numbers.counts, numbers.beat = True, totals, body
        numbers.is_restarted = False

    def _state(self, numbers: Numbers, _: Head, body: dict[str, Any], __: bytes) -> None:
        now = (body.get("state", ""), body.get("previous", ""))
        # The present state may be said again for clients that came later.
        if numbers.state is not None and now != numbers.state and now[1] != numbers.state[0]:
            self.say(f"state: previous is {now[1]}, it was {numbers.state[0]}")
        numbers.state = now

    def _event(self, numbers: Numbers, head: Head, body: dict[str, Any], _: bytes) -> None:
        if str(body.get("name")).startswith("bypass_o"):
            numbers.bypass.append(body)
            if not bodies.is_bypass_event(body):
                self.say(f"event: {body.get('name')} lacks who, until when or why: {body!r}")
        if body.get("name") in ("parts_lost", "tail_lost") and not bodies.is_range(body.get("range")):
            self.say(f"event: {body['name']} with range {body.get('range')!r}")

    def _bypass(self, numbers: Numbers, drained: bool) -> None:
        ons = [body["until_utc_us"] for body in numbers.bypass if bodies.count(body.get("until_utc_us"))]
        if numbers.bypassed_utc_us and not ons and not self._joined_late:
            self.found.append("end: messages have the bypass flag, but nobody announced bypass_on")
        if ons and numbers.bypassed_utc_us > max(ons) + LABEL_US:
            self.found.append(f"end: bypass flag at {numbers.bypassed_utc_us}, announced until {max(ons)}")
        if drained and numbers.bypass and numbers.bypass[-1].get("name") != "bypass_off":
            self.found.append("end: the line has stopped, but nobody announced bypass_off")

    def _metrics(self, numbers: Numbers, _: Head, body: dict[str, Any], __: bytes) -> None:
        if bodies.check("metrics", body, None):
            return
        for series, value in bodies.counters(body["families"]).items():
            if value < numbers.counters.get(series, 0):
                self.say(f"metrics: {series} went from {numbers.counters[series]} back to {value}")
            numbers.counters[series] = value


def check_transcript(
    lines: Iterable[str],
    *,
    line: str | None = None,
    frame_hw: tuple[int, int] | None = None,
    drained: bool = False,
    joined_late: bool = False,
) -> list[str]:
    """Return every violation in what a witness wrote, in order; empty when the line kept all rules.

    Args:
        lines: Records of a witness.
        line: Name the line must have; None takes the first one heard.
        frame_hw: Height and width of every frame; None leaves the place of defects unchecked.
        drained: The line was stopped in good order: the end must be Halted with nothing in flight.
        joined_late: The witness came when parts had passed. Each break of its connection allows one gap besides.
    """
    checker = Checker(line, frame_hw, joined_late)
    for record in lines:
        checker.feed(record)
    checker.end(drained)
    return checker.found
