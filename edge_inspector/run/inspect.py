"""The loop of the inspect process: one thread, one part at a time, and the heartbeat between its steps.

Nothing else runs in this process. The heartbeat is sent by the thread that judges, between parts and between the
chunks of a part, so it cannot outlive the work (law 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from edge_inspector.core.clock import monotonic_ns, utc_us_at
from edge_inspector.core.frame import Part
from edge_inspector.core.verdict import Heartbeat, Judgement, Outcome, Reason, Stages, Verdict
from edge_inspector.run.handover import NoteSender
from edge_inspector.run.judge import Judge, Judged, as_late, unknown
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraStatus, LineMemory, Word
from edge_inspector.run.readiness import Readiness, Situation, assess
from edge_inspector.run.ring import RingReader

HEARTBEAT_NS = 100_000_000
RECONNECT_NS = 500_000_000
"""ZeroMQ clients try again every 100 ms unless told otherwise; who needs longer sees the gap in seq."""
MODEL_RETRY_NS = 10_000_000_000
"""How long a process whose model cannot run stays up, giving UNKNOWN, before it ends and a fresh one tries again.

In a fresh process: after a CUDA error the old one is poisoned."""


class Signals(Protocol):
    """The signals endpoint; used by the loop's thread alone."""

    subscribers: int

    def encode(self, verdict: Verdict, is_ready: bool) -> tuple[dict[str, Any], bytes]:
        """Return body and whole message."""
        ...

    def send(self, message: bytes) -> None:
        """Send; never waits for a client."""
        ...

    def send_again(self, message: bytes) -> None:
        """Send with the replayed flag."""
        ...

    def beat(self, heartbeat: Heartbeat) -> dict[str, Any]:
        """Send a heartbeat, return its body."""
        ...

    def wait(self, wake_fd: int, timeout_s: float) -> None:
        """Wait for the descriptor or the time; attach clients."""
        ...

    def attach(self) -> None:
        """Attach clients."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """What every verdict of this run says of itself."""

    line: str
    epoch: int
    camera: str
    model: str
    model_sha256: str
    recipe: str
    lease_ms: int
    deadline_ns: int | None
    keep: frozenset[Outcome]
    """Outcomes whose picture evidence wants."""


class InspectLoop:
    """Takes parts from the ring in order and gives each exactly one verdict."""

    def __init__(
        self,
        identity: Identity,
        memory: LineMemory,
        wake_fd: int,
        judge: Judge,
        signals: Signals,
        notes: NoteSender,
    ) -> None:
        """Take over the ring; parts that a killed predecessor left without a verdict become `process_lost`."""
        self._who, self._memory, self._wake_fd = identity, memory, wake_fd
        self._judge, self._signals, self._notes = judge, signals, notes
        self._reader, self._ledger = RingReader(memory, wake_fd), Ledger(memory)
        self._lost_before = self._reader.head()
        self._next_beat_ns = 0
        # A model that fails at work is tried again at once, one that cannot even start only now and then.
        self._retry_ns = 0 if judge.is_proven else monotonic_ns() + MODEL_RETRY_NS

    def run(self) -> None:
        """Run until main halts the line and every accepted part has its verdict.

        Raises:
            EngineError: The model cannot be trusted; raised after the part in hand was rejected.
        """
        self._await_clients()
        self._send_again()
        while not self._is_over():
            self._beat_if_due()
            wait_s = self._until_beat_s()  # before the step: it peeks, which takes back the wake-up of what it sees
            if not self.step():
                self._signals.wait(self._wake_fd, wait_s)
                self._reader.quiet()
            self._memory.write(Word.SUBSCRIBERS, self._signals.subscribers)
            self._end_if_untrusted()
        self._beat()

    def step(self) -> bool:
        """Handle one part; False if none has come, or none that may have its verdict now."""
        consumed = self._ledger.seq
        part = self._reader.peek(consumed)
        if part is None:
            return False
        if part.part_id >= self._memory.read(Word.PART_MARK):
            # After a kill this number would be given again. It waits for main to keep it: the gate rejects by silence.
            self._memory.write(Word.INSPECT_PROGRESS_NS, monotonic_ns())
            return False
        if consumed < self._lost_before:
            judged = Judged(unknown(Reason.PROCESS_LOST), Stages())
        else:
            judged = self._judge.judge(part, self._between_chunks, self._memory.read(Word.HALT_NS))
        self._publish(part, judged)
        return True

    def _publish(self, part: Part, judged: Judged) -> None:
        judged_ns = monotonic_ns()
        is_late = self._judge.is_late(part, judged_ns)
        judgement = as_late(judged.judgement) if is_late else judged.judgement
        lend, evidence_id = self._plan_evidence(part, judgement.outcome)
        verdict = self._verdict(part, judgement, is_late, evidence_id, judged_ns)
        body, message = self._signals.encode(verdict, self._readiness().is_ready)
        self._ledger.enter(judgement.outcome, is_late, message)  # from here on it counts
        self._signals.send(message)  # the gate first
        self._memory.write(Word.INSPECT_PROGRESS_NS, monotonic_ns())
        self._reader.release(part, lend)
        self._hand_over(part, judged, body, lend, monotonic_ns() - judged_ns)

    def _verdict(
        self, part: Part, judgement: Judgement, is_late: bool, evidence_id: str | None, now_ns: int
    ) -> Verdict:
        who = self._who
        budget_us = -1
        if who.deadline_ns is not None:
            budget_us = max(0, (part.trigger_ns + who.deadline_ns - now_ns) // 1000)
        return Verdict(
            line=who.line,
            epoch=who.epoch,
            seq=self._ledger.seq + 1,
            part_id=part.part_id,
            camera=who.camera,
            frame_id=part.frame_id,
            judgement=judgement,
            model=who.model,
            model_sha256=who.model_sha256,
            recipe=who.recipe,
            trigger_utc_us=utc_us_at(part.trigger_ns),
            trigger_source=part.trigger_source,
            latency_us=max(0, (now_ns - part.trigger_ns) // 1000),
            budget_us=budget_us,
            is_late=is_late,
            is_bypass=False,
            evidence_id=evidence_id,
        )

    def _plan_evidence(self, part: Part, outcome: Outcome) -> tuple[bool, str | None]:
        if outcome not in self._who.keep:
            return False, None
        if part.slot >= 0 and not self._reader.can_lend():
            self._count(Word.EVIDENCE_DROPPED)
            return False, None
        return part.slot >= 0, f"{self._who.line}-{self._who.epoch:08x}-{part.part_id:08d}"

    def _hand_over(self, part: Part, judged: Judged, body: dict[str, Any], lend: bool, publish_ns: int) -> None:
        stages = judged.stages
        note: dict[str, Any] = {
            "kind": "verdict",
            "body": body,
            "stages": [stages.grab_ns, stages.tile_ns, stages.infer_ns, stages.decide_ns, publish_ns],
            "slot": part.slot if lend else -1,
            "generation": part.generation,
        }
        heat = None
        if lend and judged.results is not None:
            note["scores"] = judged.results.scores.tolist()
            heat = judged.results.heat
        was_sent = self._notes.offer(note, heat)
        if not was_sent:
            self._count(Word.HANDOVER_DROPPED)
            if lend:
                self._reader.recall(part)

    def _between_chunks(self) -> None:
        self._memory.write(Word.INSPECT_PROGRESS_NS, monotonic_ns())
        self._beat_if_due()

    def _beat_if_due(self) -> None:
        if monotonic_ns() >= self._next_beat_ns and not self._is_stuck():
            self._beat()

    def _beat(self) -> None:
        self._signals.attach()
        now_ns = monotonic_ns()
        # On a grid: what a long chunk delays one heartbeat by, the next one catches up with.
        due_ns = self._next_beat_ns + HEARTBEAT_NS
        self._next_beat_ns = due_ns if due_ns > now_ns else now_ns + HEARTBEAT_NS
        readiness = self._readiness()
        last_frame_ns = self._memory.read(Word.LAST_FRAME_NS)
        totals = self._ledger.totals()
        beat = Heartbeat(
            line=self._who.line,
            epoch=self._who.epoch,
            head_seq=self._ledger.seq,
            durable_seq=0,
            state=readiness.state,
            is_ready=readiness.is_ready,
            faults=readiness.faults,
            lease_ms=self._who.lease_ms,
            clock_synced=bool(self._memory.read(Word.CLOCK_SYNCED)),
            # The camera may note a frame after `now_ns` was taken; a negative age would say that none ever came.
            last_frame_age_us=max(0, now_ns - last_frame_ns) // 1000 if last_frame_ns else -1,
            totals=totals,
        )
        body = self._signals.beat(beat)
        self._memory.write(Word.STATE, readiness.state)
        self._memory.write(Word.READY, int(readiness.is_ready))
        self._memory.write(Word.INSPECT_PROGRESS_NS, now_ns)
        self._memory.write(Word.HEARTBEAT_NS, now_ns)
        self._notes.offer({"kind": "hb", "body": body, "sent_ns": now_ns})

    def _readiness(self) -> Readiness:
        halting = self._memory.read(Word.HALT_NS) != 0
        next_part = self._memory.read(Word.FIRST_PART) + self._reader.head()
        return assess(
            Situation(
                is_model_proven=self._judge.is_proven,
                is_recovering=self._ledger.seq < self._lost_before,
                has_numbers=next_part < self._memory.read(Word.PART_MARK),
                camera=CameraStatus(self._memory.read(Word.CAMERA_STATUS)),
                camera_progress_age_ns=monotonic_ns() - self._memory.read(Word.CAMERA_PROGRESS_NS),
                has_parts=self._reader.head() > 0,
                is_halting=halting,
                is_drained=halting and self._is_over(),
            )
        )

    def _is_over(self) -> bool:
        is_gone = self._memory.read(Word.CAMERA_GONE) != 0
        return is_gone and self._memory.read(Word.HALT_NS) != 0 and self._reader.head() == self._ledger.seq

    def _is_stuck(self) -> bool:
        """Whether a part has waited so long that a heartbeat would be a lie."""
        part = self._reader.peek(self._ledger.seq)
        return part is not None and monotonic_ns() - part.trigger_ns > 2 * self._who.lease_ms * 1_000_000

    def _await_clients(self) -> None:
        """Give the clients of a killed predecessor the time to come back before its parts are announced lost."""
        expected = self._memory.read(Word.SUBSCRIBERS)
        until_ns = monotonic_ns() + RECONNECT_NS
        self._signals.attach()
        while self._signals.subscribers < expected and monotonic_ns() < until_ns:
            self._memory.write(Word.INSPECT_PROGRESS_NS, monotonic_ns())
            self._signals.wait(self._wake_fd, 0.005)
            self._reader.quiet()

    def _send_again(self) -> None:
        """Send what a killed predecessor entered last: it may have died before ZeroMQ had sent it.

        Readers drop what they have by (epoch, seq), and no gate acts on a replayed verdict.
        """
        for message in self._ledger.newest():
            self._signals.send_again(message)

    def _end_if_untrusted(self) -> None:
        if self._judge.failure is not None and monotonic_ns() >= self._retry_ns:
            raise self._judge.failure

    def _until_beat_s(self) -> float:
        return max(0.0, (self._next_beat_ns - monotonic_ns()) / 1e9) if not self._is_stuck() else 0.1

    def _count(self, word: Word) -> None:
        self._memory.write(word, self._memory.read(word) + 1)
