"""Stand-ins for what the inspect loop is joined with: an engine with a script, signals that remember."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import NO_TRAVEL, U8, ArrivalKind, Index
from edge_inspector.core.ports import Progress
from edge_inspector.core.verdict import Heartbeat, TileResults, Verdict
from edge_inspector.run.part import Intake, Part, View


def part_of_one(number: int, pixels: U8 | None, kind: ArrivalKind = ArrivalKind.FRAME) -> Part:
    """Return a part that one camera saw, triggered now, without a slot."""
    now_ns = monotonic_ns()
    view = View(kind, number, now_ns, "host", pixels, slot=-1, generation=0)
    return Part(number, (view,), now_ns, "host", NO_TRAVEL, Intake((number,), (0,)))


class FakeEngine:
    """Gives one tile whose defect score is the picture's first pixel / 255; a script of errors comes first."""

    def __init__(self, errors: int = 0, can_verify: bool = True) -> None:
        self.errors, self.can_verify = errors, can_verify
        self.tile_ns = self.infer_ns = 1
        self.runs = self.verifies = 0

    def run(self, frame: U8, progress: Progress, tiles: Index | None = None, heat_from: float = 0.0) -> TileResults:
        self.runs += 1
        progress()
        if self.errors:
            self.errors -= 1
            raise EngineError("the fake engine fails as its script says")
        score = float(frame.flat[0]) / 255
        return TileResults(np.array([[1 - score, score]], np.float32), np.zeros((1, 2, 2), np.float32))

    def verify(self) -> None:
        self.verifies += 1
        if not self.can_verify:
            raise EngineError("the fake engine cannot prove itself")


class FakeSignals:
    """Remembers what was sent, in order."""

    def __init__(self) -> None:
        self.subscribers = 0
        self.verdicts: list[Verdict] = []
        self.sent: list[int] = []
        self.sent_again: list[bytes] = []
        self.beats: list[Heartbeat] = []
        self.is_broken = False

    def encode(self, verdict: Verdict, is_ready: bool) -> tuple[bytes, bytes]:
        body = json.dumps({"part_id": verdict.part_id, "ready": is_ready, "evidence_id": verdict.evidence_id}).encode()
        self.verdicts.append(verdict)
        return body, body

    def body(self, message: bytes) -> bytes:
        return message

    def send(self, message: bytes) -> None:
        if self.is_broken:
            raise OSError("the fake socket is broken")
        self.sent.append(json.loads(message)["part_id"])

    def send_again(self, message: bytes) -> None:
        self.sent_again.append(message)

    def beat(self, heartbeat: Heartbeat) -> dict[str, Any]:
        self.beats.append(heartbeat)
        return {}

    def wait(self, wake_fd: int, timeout_s: float) -> None:
        return

    def attach(self) -> None:
        return
