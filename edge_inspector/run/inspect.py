"""The loop of the inspect process: parts from the ring, judged, numbered and sent in their order.

Nothing else runs in this process. The thread that sends the verdicts also sends the heartbeat, between parts and,
where it judges itself, between the chunks of a part; so the heartbeat cannot outlive the work (law 8).
"""

from __future__ import annotations

from typing import Any

from edge_inspector.core.clock import monotonic_ns, utc_us_at
from edge_inspector.core.errors import ProcessError
from edge_inspector.core.frame import Part
from edge_inspector.core.verdict import Judgement, Outcome, Reason, Stages, Verdict
from edge_inspector.run.bypass import as_bypassed, bypass_left_ns
from edge_inspector.run.handover import NoteSender
from edge_inspector.run.heart import Heart
from edge_inspector.run.image_watch import ImageWatch
from edge_inspector.run.judge import Judged, as_late, unknown
from edge_inspector.run.judging import Done, Judging
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.run.ring import RingReader
from edge_inspector.run.seam_watch import SeamWatch
from edge_inspector.run.seams import Guard, Identity, Signals

RECONNECT_NS = 500_000_000
"""ZeroMQ clients try again every 100 ms unless told otherwise; who needs longer sees the gap in seq."""
MODEL_RETRY_NS = 10_000_000_000
"""How long a process whose model cannot run stays up, giving UNKNOWN, before it ends and a fresh one tries again.

In a fresh process: after a CUDA error the old one is poisoned."""

GUARD_RETRY_NS = 10_000_000_000
"""How long a process that can let no client in stays up, not ready, before it ends and a fresh one takes over."""


class InspectLoop:
    """Takes parts from the ring in order and gives each exactly one verdict."""

    def __init__(
        self,
        identity: Identity,
        memory: LineMemory,
        wake_fd: int,
        judging: Judging,
        signals: Signals,
        notes: NoteSender,
        images: ImageWatch | None = None,
        seam: SeamWatch | None = None,
        guard: Guard | None = None,
    ) -> None:
        """Take over the ring; parts that a killed predecessor left without a verdict become `process_lost`."""
        self._who, self._memory, self._wake_fd = identity, memory, wake_fd
        self._judging, self._signals, self._notes = judging, signals, notes
        self._reader, self._ledger = RingReader(memory, wake_fd), Ledger(memory)
        self._lost_before = self._reader.head()
        self._images, self._seam = images or ImageWatch("metric"), seam or SeamWatch(None)
        self._heart = Heart(identity, memory, self._reader, judging, signals, notes, self._images, guard)
        self._guard, self._unguarded_ns = guard, 0
        # A model that fails at work is tried again at once, one that cannot even start only now and then.
        self._retry_ns = 0 if judging.failure is None else monotonic_ns() + MODEL_RETRY_NS

    def run(self) -> None:
        """Run until main halts the line and every accepted part has its verdict.

        Raises:
            EngineError: The model cannot be trusted. What has no verdict yet is `process_lost` for the successor.
            ProcessError: Nobody lets clients in any more, which a fresh process mends.
        """
        self._await_clients()
        self._send_again()
        while not self._heart.is_over():
            self._heart.beat_if_due()
            if not self.step():  # nothing may look at the ring between this and the wait: that takes back a wake-up
                self._signals.wait(self._wake_fd, self._heart.wait_s())
                self._reader.quiet()
            self._memory.write(Word.SUBSCRIBERS, self._signals.subscribers)
            self._end_if_untrusted()
            self._end_if_unguarded()
        self._heart.beat()

    def step(self) -> bool:
        """Take in what there is room for and publish one part; False if none may have its verdict now."""
        for part in self._judging.let_go():
            self._reader.release(part, lend=False)
        self._take_in()
        done = self._judging.take()
        if done is None:
            return False
        self._publish(done)
        return True

    def _take_in(self) -> None:
        while self._judging.has_room():
            place = self._ledger.seq + self._judging.in_hand
            part = self._reader.peek(place)
            if part is None:
                return
            if part.part_id >= self._memory.read(Word.PART_MARK):
                # After a kill this number would be given again. It waits for main to keep it: silence, which rejects.
                self._heart.note_progress()
                return
            if place < self._lost_before:
                self._judging.hold(part, Judged(unknown(Reason.PROCESS_LOST), Stages()))
            else:
                self._judging.accept(part, self._between_chunks)

    def _publish(self, done: Done) -> None:
        part, judged = done.part, self._seam.review(self._images.review(done.judged))  # here parts come in order
        judged_ns = monotonic_ns()
        is_late = self._judging.is_late(part, judged_ns)
        judgement = as_late(judged.judgement) if is_late else judged.judgement
        lend, evidence_id = self._plan_evidence(done, judgement.outcome)  # bypassed or not: teaching needs the picture
        # Read once: reason, body and flag of one verdict agree, whatever is switched meanwhile.
        is_bypass = bypass_left_ns(self._memory, self._who.bypass_most_ns, judged_ns) > 0
        if is_bypass:
            judgement = as_bypassed(judgement)
        verdict = self._verdict(part, judgement, is_late, evidence_id, judged_ns, is_bypass)
        verdict_json, message = self._signals.encode(verdict, self._heart.readiness().is_ready)
        self._ledger.enter(judgement.outcome, is_late, message)  # from here on it counts
        self._signals.send(message)  # the gate first
        self._heart.note_progress()
        if done.is_read and not lend:
            self._reader.release(part, lend=False)
        note = self._note(part, judged, lend, monotonic_ns() - judged_ns)
        if evidence_id is None:
            self._notes.hold(note, verdict_json)
            return
        # At once: a kill must not lose it, and the camera waits for the slot.
        heat = judged.results.heat if lend and judged.results is not None else None
        was_told = self._notes.offer(note, heat, verdict_json)
        if lend:  # told first: a kill between the two would leave a loan that nobody knows of and nobody returns
            self._reader.release(part, lend=was_told)

    def _verdict(
        self,
        part: Part,
        judgement: Judgement,
        is_late: bool,
        evidence_id: str | None,
        now_ns: int,
        is_bypass: bool,
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
            is_bypass=is_bypass,
            evidence_id=evidence_id,
            travel=part.travel,
            scale=who.scale,
        )

    def _plan_evidence(self, done: Done, outcome: Outcome) -> tuple[bool, str | None]:
        part = done.part
        if outcome not in self._who.keep:
            return False, None
        has_picture = part.slot >= 0
        if has_picture and not (done.is_read and self._reader.can_lend()):
            self._count(Word.EVIDENCE_DROPPED)
            return False, None
        return has_picture, f"{self._who.line}-{self._who.epoch:08x}-{part.part_id:08d}"

    def _note(self, part: Part, judged: Judged, lend: bool, publish_ns: int) -> dict[str, Any]:
        stages = judged.stages
        note: dict[str, Any] = {
            "kind": "verdict",
            "stages": [stages.grab_ns, stages.tile_ns, stages.infer_ns, stages.decide_ns, publish_ns],
            "slot": part.slot if lend else -1,
            "generation": part.generation,
        }
        if (look := judged.look) is not None:
            note["image"] = [look.brightness, look.sharpness, look.dark_share, look.bright_share, look.troubles]
        if lend and judged.results is not None:
            note["hits"] = judged.judgement.hits
            if judged.results.tiles is not None:
                note["tiles"] = judged.results.tiles.tolist()
        return note

    def _between_chunks(self) -> None:
        self._heart.note_progress()
        self._heart.beat_if_due()

    def _await_clients(self) -> None:
        """Give the clients of a killed predecessor the time to come back before its parts are announced lost."""
        expected = self._memory.read(Word.SUBSCRIBERS)
        until_ns = monotonic_ns() + RECONNECT_NS
        self._signals.attach()
        while self._signals.subscribers < expected and monotonic_ns() < until_ns:
            self._heart.note_progress()
            self._signals.wait(self._wake_fd, 0.005)
            self._reader.quiet()

    def _send_again(self) -> None:
        """Send what a killed predecessor entered last: it may have died before ZeroMQ had sent it.

        Readers drop what they have by (epoch, seq), and no gate acts on a replayed verdict.
        """
        for message in self._ledger.newest():
            self._signals.send_again(message)

    def _end_if_untrusted(self) -> None:
        failure = self._judging.failure
        if failure is not None and monotonic_ns() >= self._retry_ns:
            raise failure

    def _end_if_unguarded(self) -> None:
        if self._guard is None or self._guard.is_alive() or self._memory.read(Word.HALT_NS):
            self._unguarded_ns = 0
        elif not self._unguarded_ns:
            self._unguarded_ns = monotonic_ns()
            detail = "no new client can connect to the verdicts; the inspect process is replaced in 10 s"
            self._notes.offer({"kind": "event", "name": "authenticator", "severity": "error", "detail": detail})
        elif monotonic_ns() - self._unguarded_ns > GUARD_RETRY_NS:
            raise ProcessError("the authenticator ended, so no client could come back to the verdicts; see the log")

    def _count(self, word: Word) -> None:
        self._memory.write(word, self._memory.read(word) + 1)
