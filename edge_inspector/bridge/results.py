"""From messages of the line to what a PLC may act on: laws 4 and 5 of the wire protocol. Pure; time is given."""

from __future__ import annotations

from dataclasses import dataclass

from edge_inspector.bridge.handshake import Handshake, Result
from edge_inspector.bridge.registers import REASONS, FaultCode, ResultCode, StatusBit
from edge_inspector.client.arming import Arming
from edge_inspector.client.lag import Lag
from edge_inspector.client.message import Message
from edge_inspector.client.wire import Flag

_CODES = {"PASS": ResultCode.PASS, "REJECT": ResultCode.REJECT}
_FAULTS = {
    "no heartbeat within": FaultCode.NO_HEARTBEAT,
    "the line is not ready": FaultCode.NOT_READY,
    "the line counts anew": FaultCode.NEW_EPOCH,
}
_STATUS = {Flag.BYPASS: StatusBit.BYPASS, Flag.SIMULATED: StatusBit.SIMULATED, Flag.DRILL: StatusBit.DRILL}


@dataclass(frozen=True, slots=True)
class Trust:
    """Which PASS a PLC may see as PASS although it is flagged; otherwise it sees UNKNOWN."""

    simulated: bool = False
    bypass: bool = False
    drill: bool = False


class Results:
    """Feeds a handshake from a line. One thread."""

    def __init__(self, line: str, handshake: Handshake, trust: Trust, margin_us: int, window_us: int) -> None:
        """Begin disarmed.

        Args:
            line: Name of the line.
            handshake: Takes the results.
            trust: Which flagged verdicts count.
            margin_us: Taken off the line's budget: the time from here to the PLC's output.
            window_us: A verdict that was held up for longer would be taken for the next part's by its age: it is shown
                as UNKNOWN.
        """
        self.arming = Arming(line)
        self._handshake, self._trust = handshake, trust
        self._margin_us, self._window_us = margin_us, window_us
        self._lag = Lag(window_us)
        self._last_seq = 0
        self._state, self._is_busy, self._bits = "", False, StatusBit(0)

    def hear(self, message: Message, at_us: int, now_us: int) -> None:
        """Take a message; `at_us` is the last moment at which nothing was there."""
        if message.kind not in ("hb", "verdict") or not message.is_live:
            return
        header = message.header
        lag_us = self._lag.take(header.t_utc_us, now_us)
        was_armed = self.arming.is_armed
        self.arming.heard(message, at_us, now_us)
        if self.arming.is_armed and not was_armed:
            self._last_seq = header.seq
        if message.kind == "hb":
            self._state = str(message.body.get("state"))
            self._is_busy = message.body.get("in_flight") != 0
        self._bits = StatusBit(0)
        for flag, bit in _STATUS.items():
            self._bits |= bit if flag in header.flags else StatusBit(0)
        self.check(now_us)
        if message.kind == "verdict" and self.arming.epoch == header.epoch and header.seq > self._last_seq:
            self._last_seq = header.seq
            is_held_up = lag_us is None or max(lag_us, now_us - at_us) > self._window_us
            self._handshake.put(self._result(message, is_held_up, at_us, now_us))

    def check(self, now_us: int) -> None:
        """Let the handshake know whether the line is still to be believed."""
        fault = FaultCode.NONE
        if not self.arming.check(now_us):
            why = self.arming.why
            fault = next((code for word, code in _FAULTS.items() if why.startswith(word)), FaultCode.NOT_CONNECTED)
        self._handshake.line(fault, self._state, self._is_busy, self._bits)

    def _result(self, message: Message, is_held_up: bool, at_us: int, now_us: int) -> Result:
        header, body = message.header, message.body
        latency_us = body.get("latency_us")
        is_timed = isinstance(latency_us, int) and latency_us >= 0
        return Result(
            code=self._code(message, is_held_up),
            flags=int(header.flags) & 0xFF,
            epoch=header.epoch,
            seq=header.seq,
            part_id=header.part_id,
            trigger_us=now_us - latency_us if isinstance(latency_us, int) and is_timed else None,
            deadline_us=at_us + header.budget_us - self._margin_us if header.budget_us >= 0 else None,
            fire_enc=header.fire_enc,
            body=body,
        )

    def _code(self, message: Message, is_held_up: bool) -> ResultCode:
        flags, body, trust = message.header.flags, message.body, self._trust
        code = _CODES.get(str(body.get("verdict")), ResultCode.UNKNOWN)
        if code is not ResultCode.PASS:
            return code
        is_refused = (
            (Flag.SIMULATED in flags and not trust.simulated)
            or (Flag.BYPASS in flags and not trust.bypass)
            or (Flag.DRILL in flags and not trust.drill)
        )
        is_odd = (
            flags & (Flag.REJECT | Flag.LATE)
            or body.get("late") is True
            or REASONS.get(str(body.get("reason")), 99) > 3
        )
        return ResultCode.UNKNOWN if is_refused or is_odd or is_held_up else code
