"""The loop of the inspect process: parts from the ring, judged, numbered and sent in their order.

Nothing else runs in this process. The thread that sends the verdicts also sends the heartbeat, between parts and,
where it judges itself, between the chunks of a part; so the heartbeat cannot outlive the work (law 8).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import ProcessError
from edge_inspector.core.verdict import Reason
from edge_inspector.run.assemble import Assembler
from edge_inspector.run.handover import NoteSender
from edge_inspector.run.heart import Heart
from edge_inspector.run.image_watch import ImageWatch
from edge_inspector.run.journaling import Journal, Journaling
from edge_inspector.run.judge import not_judged
from edge_inspector.run.judging import Done, Judging
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.run.publish import Publishing, Watches
from edge_inspector.run.seam_watch import SeamWatch
from edge_inspector.run.seams import Guard, Identity, Signals
from edge_inspector.run.terms import Following, Terms, Unchanging

RECONNECT_NS = 500_000_000
"""ZeroMQ clients try again every 100 ms unless told otherwise; who needs longer sees the gap in seq."""
MODEL_RETRY_NS = 10_000_000_000
"""How long a process whose model cannot run stays up, giving UNKNOWN, before it ends and a fresh one tries again.

In a fresh process: after a CUDA error the old one is poisoned."""

GUARD_RETRY_NS = 10_000_000_000
"""How long a process that can let no client in stays up, not ready, before it ends and a fresh one takes over."""


class InspectLoop:
    """Takes parts from the rings in order and gives each exactly one verdict."""

    def __init__(
        self,
        identity: Identity,
        memory: LineMemory,
        assembler: Assembler,
        judging: Judging,
        signals: Signals,
        journal: Journal,
        notes: NoteSender,
        wake_fd: int,
        watches: Sequence[Watches] = (),
        guard: Guard | None = None,
        terms: Following | None = None,
    ) -> None:
        """Take over; parts that a killed predecessor left without a verdict become `process_lost`.

        Args:
            identity: What every verdict says.
            memory: Of the line.
            assembler: Makes parts of what is in its rings.
            judging: Judges them.
            signals: Where verdicts go out.
            journal: Where each is kept before.
            notes: To main.
            wake_fd: eventfd that the cameras and the judging write to; non-blocking.
            watches: One for each camera; left out: nothing but the pictures themselves is looked at.
            guard: Lets clients in; None where whoever reaches the endpoint may connect.
            terms: What parts are judged under, and what `identity` says else; None where nothing changes.
        """
        self._memory, self._assembler, self._wake_fd, self._ledger = memory, assembler, wake_fd, Ledger(memory)
        self._judging, self._signals, self._notes, self._terms = judging, signals, notes, terms or Unchanging()
        watches = watches or [Watches(ImageWatch("metric"), SeamWatch(None)) for _ in memory.cameras]
        images = [watch.images for watch in watches]
        self._journaling, self._guard, self._unguarded_ns = Journaling(journal, memory, notes), guard, 0
        self._heart = Heart(identity, memory, assembler, judging, signals, self._journaling, notes, images, guard)
        self._publishing = Publishing(identity, memory, assembler, judging, signals, self._journaling, notes, watches)
        self._unkept: Done | None = None
        """A part whose verdict the journal has not taken yet."""
        # A model that fails at work is tried again at once, one that cannot even start only now and then.
        self._retry_ns = 0 if judging.failure is None else monotonic_ns() + MODEL_RETRY_NS

    def run(self) -> None:
        """Run until main halts the line and every accepted part has its verdict.

        Raises:
            EngineError: The model cannot be trusted. What has no verdict yet is `process_lost` for the successor.
            JournalError: The journal cannot be gone on with; the same.
            ProcessError: Nobody lets clients in any more, which a fresh process mends.
        """
        self._newest_terms()  # before the first heartbeat, which names them
        self._await_clients()
        self._send_again()
        while not self._heart.is_over():
            self._heart.beat_if_due()
            if not self.step():
                self._signals.wait(self._wake_fd, self._heart.wait_s())
                self._quiet()  # before the rings are looked at again: what comes after that look wakes the next wait
            self._memory.write(Word.SUBSCRIBERS, self._signals.subscribers)
            self._end_if_untrusted()
            self._end_if_unguarded()
        self._journaling.close()  # before the last heartbeat, which says that all is durable
        self._heart.beat()

    def step(self) -> bool:
        """Take in what there is room for and publish one part; False if none may have its verdict now."""
        for part in self._judging.let_go():
            self._publishing.release(part)
        self._take_in()
        if self._unkept is None:
            done = self._judging.take()
            if done is None:
                return False
            self._unkept = self._publishing.review(done)
        elif self._journaling.retry_s > 0:
            return False
        if not self._publishing.publish(self._unkept, self._heart.readiness().is_ready):
            return False
        self._unkept = None
        return True

    def _take_in(self) -> None:
        while self._judging.has_room():
            terms = self._newest_terms()
            if self._assembler.next_id >= self._memory.read(Word.PART_MARK):
                # After a kill this number would be given again. It waits for main to keep it: silence, which rejects.
                self._heart.note_progress()
                return
            next_id = self._assembler.next_id
            part = self._assembler.take()
            if part is None:
                if not self._assembler.is_recovering:
                    self._terms.taken(next_id)
                return
            if terms is not None:
                part = replace(part, terms=terms)
            if not part.is_old:
                self._terms.taken(part.part_id)
            if part.is_old:
                self._judging.hold(part, not_judged(part, Reason.PROCESS_LOST))
            elif not part.is_in_step:
                self._judging.hold(part, not_judged(part, Reason.PARTIAL_SET))
            else:
                self._judging.accept(part, self._between_chunks)

    def _newest_terms(self) -> Terms | None:
        terms = self._terms.newest()
        if terms is not None:
            self._heart.follow(terms.who)
        return terms

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
            self._quiet()

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

    def _quiet(self) -> None:
        """Take back the wake-ups that came so far, so that the next wait waits."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)
