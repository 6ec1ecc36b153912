"""The register map: one table, from which the registers are filled and its page is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag

MAP_VERSION = 1
NONE = 0xFFFF
"""In a 16-bit register: there is no such value."""


class StatusBit(IntFlag):
    """Bits of the register Status."""

    TRIGGER_READY = 1
    BUSY = 2
    RESULT_TOGGLE = 4
    RESULT_VALID = 8
    FAULT = 16
    HEARTBEAT = 32
    OVERFLOW = 64
    BYPASS = 128
    SIMULATED = 256
    DRILL = 512


class ResultCode(IntEnum):
    """What to do with the part."""

    NONE = 0
    PASS = 1
    REJECT = 2
    UNKNOWN = 3
    FAIL_SAFE = 255


class FaultCode(IntEnum):
    """Why Fault is set."""

    NONE = 0
    NOT_CONNECTED = 1
    NO_HEARTBEAT = 2
    NOT_READY = 3
    NEW_EPOCH = 4


REASONS = {
    "ok": 1, "below_area": 2, "bypass": 3, "defect": 10, "deadline": 20, "frame_lost": 21, "frame_incomplete": 22,
    "frame_invalid": 23, "partial_set": 24, "overrun": 25, "camera_lost": 26, "model_error": 27, "model_nan": 28,
    "encoder": 29, "image_health": 30, "process_lost": 31, "shutdown": 32,
}  # fmt: skip
"""Reasons of the wire protocol as numbers."""
UNKNOWN_REASON = 99
STATES = {
    "Preoperational": 1, "Initialized": 2, "Ready": 3, "ContinuousExecution": 4, "Halted": 5, "Error": 6,
}  # fmt: skip
"""States of the wire protocol as numbers; 0 for none."""


@dataclass(frozen=True, slots=True)
class Register:
    """One value of the map."""

    address: int
    """Of its first word, from 0."""
    name: str
    words: int
    """1, or 2: the upper 16 bits come first."""
    meaning: str


RESULT_ACK = 40
"""Address of the register that the PLC writes."""

REGISTERS = (
    Register(0, "MapVersion", 1, f"{MAP_VERSION}: this page. Another number: another map"),
    Register(1, "Status", 1, "bits, see below"),
    Register(2, "Heartbeat", 1, "counts up ten times a second while the bridge lives, and wraps. Watch it"),
    Register(3, "FaultCode", 1, "why Fault is set, see below; 0 for no fault"),
    Register(4, "State", 1, "state of the line: " + ", ".join(f"{n} {name}" for name, n in STATES.items())),
    Register(5, "ResultId", 1, "number of the result, 1 to 65535, then 1 again; 0 before the first"),
    Register(6, "ResultCode", 1, "what to do with the part, see below. Anything but 1 rejects"),
    Register(7, "ResultReason", 1, "why, as a number, see below"),
    Register(8, "ResultFlags", 1, "flags of the wire protocol: 2 simulated, 4 drill, 8 late, 16 reject, 64 bypass"),
    Register(9, "ResultScore", 1, f"highest defect score in thousandths; {NONE} when not judged"),
    Register(10, "ResultPartId", 2, "lower 32 bits of the line's part number"),
    Register(12, "ResultSeq", 2, "lower 32 bits of the verdict's number"),
    Register(14, "ResultEpoch", 2, "which count of numbers"),
    Register(16, "ResultAge", 1, "ms since the part's trigger, counted on at each read; at most 65534"),
    Register(
        17, "ResultBudget", 1, f"ms left to the line's deadline, counted down at each read; {NONE} for no deadline"
    ),
    Register(18, "ResultEncTrigger", 2, "camera's encoder count at the trigger, signed; -1 for none"),
    Register(20, "ResultFireEnc", 2, "camera's encoder count at which to act, signed; -1 for none"),
    Register(22, "ResultEncGen", 1, "lower 16 bits of enc_gen: counts of two generations cannot be compared"),
    Register(23, "ResultDefects", 1, "number of defects told, at most 32"),
    Register(24, "DefectX", 1, "worst defect: left edge in pixels; 0 for none"),
    Register(25, "DefectY", 1, "worst defect: upper edge"),
    Register(26, "DefectWidth", 1, "worst defect: width"),
    Register(27, "DefectHeight", 1, "worst defect: height"),
    Register(28, "QueueLength", 1, "results that wait behind this one"),
    Register(29, "QueueDropped", 1, "results dropped because the queue was full; wraps"),
    Register(30, "ResultsExpired", 1, "results withdrawn because their deadline passed before ResultAck; wraps"),
    Register(31, "ResultsDiscarded", 1, "results thrown away because the line was lost; wraps"),
    Register(32, "WrongAcks", 1, "writes to ResultAck of a number that was not valid; wraps"),
    Register(RESULT_ACK, "ResultAck", 1, "written by the PLC: the ResultId that it has taken. 0 acknowledges nothing"),
)

BITS = {
    StatusBit.TRIGGER_READY: "the line is alive and ready, and there is room for a result",
    StatusBit.BUSY: "parts have been triggered and have no verdict yet",
    StatusBit.RESULT_TOGGLE: "changes with each new result, after all result registers are complete",
    StatusBit.RESULT_VALID: "the result registers hold a result that was not acknowledged yet",
    StatusBit.FAULT: "the line is silent, not ready, or not there: nothing may pass",
    StatusBit.HEARTBEAT: "lowest bit of Heartbeat",
    StatusBit.OVERFLOW: "a result was dropped since the last ResultAck",
    StatusBit.BYPASS: "a person lets defects pass",
    StatusBit.SIMULATED: "the pictures do not come from a real camera",
    StatusBit.DRILL: "a test of the reject path",
}
CODES = {
    ResultCode.NONE: "no result, or the last one was acknowledged or withdrawn",
    ResultCode.PASS: "let the part pass",
    ResultCode.REJECT: "reject: defect",
    ResultCode.UNKNOWN: "reject: not judged, late, or not to be acted on",
    ResultCode.FAIL_SAFE: "reject everything: Fault is set",
}
FAULTS = {
    FaultCode.NONE: "none",
    FaultCode.NOT_CONNECTED: "nothing was heard of the line yet",
    FaultCode.NO_HEARTBEAT: "no heartbeat within the lease",
    FaultCode.NOT_READY: "the line says that it is not ready",
    FaultCode.NEW_EPOCH: "the line counts anew; hello is asked again",
}

READ_ONLY_WORDS = RESULT_ACK
"""Everything below is read only, and can be read in one request."""


def fill(values: Mapping[str, int]) -> list[int]:
    """Return all words from address 0 on; what has no value is 0. Negative values are two's complement."""
    words = [0] * (RESULT_ACK + 1)
    for register in REGISTERS:
        value = values.get(register.name, 0)
        if register.words == 2:
            words[register.address] = value >> 16 & 0xFFFF
        words[register.address + register.words - 1] = value & 0xFFFF
    return words


def modbus_markdown() -> str:
    """Return the page of the register map."""
    rows = [f"| {_span(r)} | `{r.name}` | {r.meaning} |" for r in REGISTERS]
    bits = [f"| {bit.value.bit_length() - 1} | {_camel(bit.name)} | {text} |" for bit, text in BITS.items()]
    codes = [f"| {code.value} | {code.name} | {text} |" for code, text in CODES.items()]
    faults = [f"| {fault.value} | {text} |" for fault, text in FAULTS.items()]
    reasons = [f"| {number} | `{reason}` |" for reason, number in REASONS.items()]
    return "\n".join(
        [
            _HEAD,
            "## Registers\n",
            "| address | name | meaning |\n|---|---|---|",
            *rows,
            "\nAddresses in between are 0.\n\n## Status\n",
            "| bit | name | set when |\n|---|---|---|",
            *bits,
            "\n## ResultCode\n",
            "| value | name | meaning |\n|---|---|---|",
            *codes,
            "\n## FaultCode\n",
            "| value | meaning |\n|---|---|",
            *faults,
            "\n## ResultReason\n",
            f"As in the [wire protocol](wire-protocol.md#reasons). {UNKNOWN_REASON}: one that the bridge does not "
            "know; the part is UNKNOWN.\n",
            "| value | reason |\n|---|---|",
            *reasons,
            "",
        ]
    )


def _span(register: Register) -> str:
    return str(register.address) if register.words == 1 else f"{register.address}, {register.address + 1}"


def _camel(name: str | None) -> str:
    return "".join(word.capitalize() for word in (name or "").split("_"))


_HEAD = """# Modbus registers

<!-- Written by scripts/docs from edge_inspector/bridge/registers.py. -->

What `edge-inspector bridge modbus` shows to a PLC, and what the PLC writes.
[How to use it](../how-to/connect-a-plc-or-gate.md#a-plc-over-modbus).

Holding registers (function 3) and input registers (function 4) are the same words; address 0 is 40001 or 30001 in the
counting that begins with 1. Any unit id is answered. `ResultAck` is written by function 6, 16 or 23; a write to any
other address is refused with exception 2. Values of two words have the upper word first.

Read addresses 0 to 32 in **one** request: within one answer everything belongs together.

## The order of things

1. The bridge fills the result registers, then sets `ResultValid` and changes `ResultToggle`.
2. The PLC reads them, acts, and writes the `ResultId` that it took to `ResultAck`.
3. The bridge clears `ResultValid`. `ResultCode` is 0.
4. Once the PLC has read `ResultValid` as 0, or has written 0 to `ResultAck`, the next result follows as in 1.

A number that is not the valid `ResultId` acknowledges nothing and is counted: no result is ever taken for the one
before. A result whose deadline passes before it is acknowledged is withdrawn (`ResultValid` 0) and counted. When the
queue is full, the result that waited longest is dropped, `Overflow` is set and `QueueDropped` counted; its part has no
result, and is rejected.

When the lease of the line ends, `Fault` is set, `TriggerReady` cleared, `ResultValid` cleared and `ResultCode` is 255;
waiting results are thrown away and counted. It ends with a new hello and a live heartbeat, as the wire protocol says.
"""
