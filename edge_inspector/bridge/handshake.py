"""What the registers say: results one after the other, each until it is acknowledged. Pure; time is given, in µs."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from edge_inspector.bridge.registers import (
    MAP_VERSION,
    NONE,
    REASONS,
    STATES,
    UNKNOWN_REASON,
    FaultCode,
    ResultCode,
    StatusBit,
    fill,
)

BEAT_US = 100_000


@dataclass(frozen=True, slots=True)
class Result:
    """One verdict for the PLC."""

    code: ResultCode
    flags: int
    """As in the header."""
    epoch: int
    seq: int
    part_id: int
    trigger_us: int | None
    """Moment of the trigger on the own clock; None where the line does not say."""
    deadline_us: int | None
    """When the line's deadline passes, on the own clock; None for no deadline."""
    fire_enc: int
    body: Mapping[str, Any]


class Phase(Enum):
    """Of the presented result."""

    IDLE = auto()
    """None is presented, and the next may be."""
    VALID = auto()
    LOW = auto()
    """It was acknowledged or withdrawn; the PLC has not seen that yet."""


class Handshake:
    """Keeps the order of the register page. One thread."""

    def __init__(self, capacity: int) -> None:
        """Begin in fault, as long as nothing was heard of a line.

        Args:
            capacity: Results that wait behind the presented one.
        """
        self._queue: deque[Result] = deque()
        self._capacity = capacity
        self._phase = Phase.IDLE
        self._result: Result | None = None
        self._id = self._ack = 0
        self._toggle = self._has_overflow = False
        self._fault = FaultCode.NOT_CONNECTED
        self._flags = StatusBit(0)
        self._state = 0
        self._is_busy = False
        self.dropped = self.expired = self.discarded = self.wrong_acks = 0
        self.taken: Result | None = None
        """The result acknowledged last."""

    # -- from the line -----------------------------------------------------------------------------------------------

    def line(self, fault: FaultCode, state: str, is_busy: bool, flags: StatusBit) -> None:
        """Take how the line is."""
        if fault is not FaultCode.NONE and self._fault is FaultCode.NONE:
            self.discarded += len(self._queue) + (self._phase is Phase.VALID)
            self._queue.clear()
            if self._phase is Phase.VALID:
                self._phase = Phase.LOW
        self._fault, self._state, self._is_busy, self._flags = fault, STATES.get(state, 0), is_busy, flags

    def put(self, result: Result) -> None:
        """Take a result; while in fault it is thrown away."""
        if self._fault is not FaultCode.NONE:
            self.discarded += 1
            return
        if len(self._queue) >= self._capacity:
            self._queue.popleft()  # the freshest are those that can still be obeyed
            self.dropped += 1
            self._has_overflow = True
        self._queue.append(result)
        if self._phase is Phase.IDLE:
            self._present()

    # -- from and to the PLC -----------------------------------------------------------------------------------------

    def write_ack(self, value: int, now_us: int) -> None:
        """Take what the PLC wrote to ResultAck."""
        self._withdraw_expired(now_us)
        is_again = value == self._ack  # a PLC may write it in each of its cycles
        self._ack = value
        if self._phase is Phase.VALID and value == self._id:
            self._phase, self.taken = Phase.LOW, self._result
            self._has_overflow = False
        elif value == 0:
            if self._phase is Phase.LOW:
                self._phase = Phase.IDLE
        elif not is_again:
            self.wrong_acks += 1

    def read(self, now_us: int) -> list[int]:
        """Return all words; presents the next result first if it may be."""
        self._withdraw_expired(now_us)
        if self._phase is Phase.IDLE:
            self._present()
        return fill(self._values(now_us))

    def was_read(self) -> None:
        """The PLC has read Status as the last `read` returned it."""
        if self._phase is Phase.LOW:
            self._phase = Phase.IDLE

    def _present(self) -> None:
        if self._queue and self._fault is FaultCode.NONE:
            self._result = self._queue.popleft()
            self._id = self._id % 0xFFFF + 1
            self._toggle = not self._toggle
            self._phase = Phase.VALID

    def _withdraw_expired(self, now_us: int) -> None:
        while self._queue and _is_over(self._queue[0], now_us):
            self._queue.popleft()
            self.expired += 1
        if self._phase is Phase.VALID and self._result is not None and _is_over(self._result, now_us):
            self._phase = Phase.LOW
            self.expired += 1

    def _values(self, now_us: int) -> dict[str, int]:
        beat = now_us // BEAT_US & 0xFFFF
        return {
            "MapVersion": MAP_VERSION,
            "Status": int(self._status(beat)),
            "Heartbeat": beat,
            "FaultCode": self._fault,
            "State": self._state,
            "ResultId": self._id,
            "ResultCode": self._code(),
            "QueueLength": len(self._queue),
            "QueueDropped": self.dropped,
            "ResultsExpired": self.expired,
            "ResultsDiscarded": self.discarded,
            "WrongAcks": self.wrong_acks,
            "ResultAck": self._ack,
        } | (_result_values(self._result, now_us) if self._result is not None else {})

    def _code(self) -> ResultCode:
        if self._fault is not FaultCode.NONE:
            return ResultCode.FAIL_SAFE
        return self._result.code if self._phase is Phase.VALID and self._result is not None else ResultCode.NONE

    def _status(self, beat: int) -> StatusBit:
        is_well = self._fault is FaultCode.NONE
        bits = {
            StatusBit.TRIGGER_READY: is_well and len(self._queue) < self._capacity,
            StatusBit.BUSY: self._is_busy,
            StatusBit.RESULT_TOGGLE: self._toggle,
            StatusBit.RESULT_VALID: is_well and self._phase is Phase.VALID,
            StatusBit.FAULT: not is_well,
            StatusBit.HEARTBEAT: bool(beat & 1),
            StatusBit.OVERFLOW: self._has_overflow,
        }
        status = self._flags
        for bit, is_set in bits.items():
            status |= bit if is_set else StatusBit(0)
        return status


def _is_over(result: Result, now_us: int) -> bool:
    return result.deadline_us is not None and now_us >= result.deadline_us


def _result_values(result: Result, now_us: int) -> dict[str, int]:
    body = result.body
    score, defects = body.get("score"), body.get("defects")
    age_ms = NONE - 1 if result.trigger_us is None else (now_us - result.trigger_us) // 1000
    budget_ms = NONE if result.deadline_us is None else max(0, result.deadline_us - now_us) // 1000
    boxes = [box for box in defects if isinstance(box, dict)] if isinstance(defects, list) else []
    worst = boxes[0] if boxes else {}
    return {
        "ResultReason": REASONS.get(str(body.get("reason")), UNKNOWN_REASON),
        "ResultFlags": result.flags,
        "ResultScore": round(1000 * score) if isinstance(score, int | float) and 0 <= score <= 1 else NONE,
        "ResultPartId": result.part_id,
        "ResultSeq": result.seq,
        "ResultEpoch": result.epoch,
        "ResultAge": max(0, min(age_ms, NONE - 1)),
        "ResultBudget": budget_ms if budget_ms == NONE else min(budget_ms, NONE - 1),
        "ResultEncTrigger": _int(body.get("enc_trigger"), -1),
        "ResultFireEnc": result.fire_enc,
        "ResultEncGen": _int(body.get("enc_gen"), 0),
        "ResultDefects": len(boxes),
        **{f"Defect{name}": _int(worst.get(key), 0) for name, key in _BOX},
    }


_BOX = (("X", "x"), ("Y", "y"), ("Width", "w"), ("Height", "h"))


def _int(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
