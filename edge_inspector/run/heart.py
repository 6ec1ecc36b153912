"""The heartbeat of the inspect process: sent by the thread that sends the verdicts, and only while all of it turns."""

from __future__ import annotations

from collections.abc import Sequence

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import Travel
from edge_inspector.core.verdict import Heartbeat
from edge_inspector.run.assemble import Assembler
from edge_inspector.run.bypass import bypass_left_ns
from edge_inspector.run.drill import drill_left_ns
from edge_inspector.run.handover import NoteSender
from edge_inspector.run.image_watch import ImageWatch
from edge_inspector.run.journaling import Journaling
from edge_inspector.run.judging import Judging
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraStatus, CameraWord, LineMemory, Word
from edge_inspector.run.readiness import CameraSituation, Readiness, Situation, assess
from edge_inspector.run.seams import Guard, Identity, Signals

HEARTBEAT_NS = 100_000_000
_MS = 1_000_000


class Heart:
    """Beats ten times a second. Owned by the loop's thread."""

    def __init__(
        self,
        identity: Identity,
        memory: LineMemory,
        assembler: Assembler,
        judging: Judging,
        signals: Signals,
        journaling: Journaling,
        notes: NoteSender,
        images: Sequence[ImageWatch],
        guard: Guard | None = None,
    ) -> None:
        """Prepare; the first beat is due at once."""
        self._who, self._memory, self._assembler, self._ledger = identity, memory, assembler, Ledger(memory)
        self._judging, self._signals, self._notes, self._images = judging, signals, notes, images
        self._journaling, self._guard = journaling, guard
        self._dropped_before = memory.read(Word.HANDOVER_DROPPED)  # by predecessors
        self._refused_before = memory.read(Word.KEYS_REFUSED)
        self._next_ns = 0
        self._is_held = False
        """The beat that is due was not sent, since it would have been a lie."""

    def follow(self, identity: Identity) -> None:
        """Say from the next beat on what the parts taken from now on say of themselves."""
        self._who = identity

    def beat_if_due(self) -> None:
        """Send a heartbeat when its time has come, unless it would be a lie."""
        if monotonic_ns() < self._next_ns:
            return
        self._is_held = self.is_stuck()
        if not self._is_held:
            self.beat()

    def beat(self) -> None:
        """Send a heartbeat."""
        self._signals.attach()
        self._journaling.tend(has_backlog=self._is_behind())
        now_ns = monotonic_ns()
        # On a grid: what a long chunk delays one heartbeat by, the next one catches up with.
        due_ns = self._next_ns + HEARTBEAT_NS
        self._next_ns = due_ns if due_ns > now_ns else now_ns + HEARTBEAT_NS
        readiness = self.readiness()
        # The camera that has been silent for longest: one that is blind must not hide behind the others.
        last_frame_ns = min(camera.read(CameraWord.LAST_FRAME_NS) for camera in self._memory.cameras)
        beat = Heartbeat(
            line=self._who.line,
            epoch=self._who.epoch,
            head_seq=self._ledger.head_seq,
            durable_seq=self._journaling.durable_seq,
            state=readiness.state,
            is_ready=readiness.is_ready,
            faults=readiness.faults,
            lease_ms=self._who.lease_ms,
            clock_synced=bool(self._memory.read(Word.CLOCK_SYNCED)),
            # The camera may note a frame after `now_ns` was taken; a negative age would say that none ever came.
            last_frame_age_us=max(0, now_ns - last_frame_ns) // 1000 if last_frame_ns else -1,
            totals=self._ledger.epoch_totals(),
            travel=self._travel(),
            travel_age_us=self._travel_age_us(now_ns),
            config=self._who.config,
            is_bypass=bypass_left_ns(self._memory, self._who.bypass_most_ns, now_ns) > 0,
            is_drill=drill_left_ns(self._memory, self._who.drill_most_ns, now_ns) > 0,
        )
        body = self._signals.beat(beat)
        self._memory.write(Word.STATE, readiness.state)
        self._memory.write(Word.READY, int(readiness.is_ready))
        self.note_progress()
        self._memory.write(Word.HEARTBEAT_NS, now_ns)
        self._notes.offer({"kind": "hb", "body": body, "sent_ns": now_ns})
        self._memory.write(Word.HANDOVER_DROPPED, self._dropped_before + self._notes.dropped)
        if self._guard is not None:
            refused = self._guard.refused.get(("signals", "unknown_key"), 0)
            self._memory.write(Word.KEYS_REFUSED, self._refused_before + refused)

    def _travel(self) -> Travel:
        """Return the first camera's newest count and generation; never a count of one under another's."""
        camera = self._memory.cameras[0]
        while True:
            generation = camera.read(CameraWord.ENCODER_GENERATION)
            count = camera.read(CameraWord.ENCODER_NOW) - 1
            if camera.read(CameraWord.ENCODER_GENERATION) == generation:
                return Travel(count, generation)

    def _travel_age_us(self, now_ns: int) -> int:
        camera = self._memory.cameras[0]
        if not camera.read(CameraWord.ENCODER_NOW):
            return -1
        return max(0, now_ns - camera.read(CameraWord.ENCODER_NS)) // 1000

    def note_progress(self) -> None:
        """Tell main that the slowest part of this process turned, and when."""
        self._memory.write(Word.INSPECT_PROGRESS_NS, self._judging.progress_ns())

    def readiness(self) -> Readiness:
        """Return state, readiness and faults as they are now."""
        halting, cameras = self._memory.read(Word.HALT_NS) != 0, self._memory.cameras
        triggers, now_ns = self._ledger.totals().triggers, monotonic_ns()
        return assess(
            Situation(
                is_model_proven=self._judging.failure is None,
                is_recovering=self._assembler.is_recovering,
                has_numbers=self._memory.read(Word.FIRST_PART) + triggers < self._memory.read(Word.PART_MARK),
                cameras=tuple(
                    CameraSituation(
                        CameraStatus(camera.read(CameraWord.STATUS)), now_ns - camera.read(CameraWord.PROGRESS_NS)
                    )
                    for camera in cameras
                ),
                has_parts=triggers > 0,
                is_halting=halting,
                is_drained=halting and self.is_over(),
                has_image_fault=any(images.is_fault for images in self._images),
                is_in_step=self._assembler.is_in_step,
                has_journal=not self._journaling.is_fault,
                is_guarded=self._guard is None or self._guard.is_alive(),
            )
        )

    def is_over(self) -> bool:
        """Whether the line halts, nothing more comes and every part has its verdict."""
        is_gone = self._memory.read(Word.CAMERA_GONE) != 0
        return is_gone and self._memory.read(Word.HALT_NS) != 0 and self._assembler.is_empty()

    def is_stuck(self) -> bool:
        """Whether a part, or a worker, has waited so long that a heartbeat would be a lie."""
        limit_ns = 2 * self._who.lease_ms * _MS
        if monotonic_ns() - self._judging.progress_ns() > limit_ns:
            return True
        if self._journaling.is_fault:
            return False  # parts wait for the disk, and the heartbeat says so: not ready, journal
        return self._waited_ns() > limit_ns

    def _is_behind(self) -> bool:
        """Whether a part waits that came long before what could be judged at once."""
        return self._waited_ns() > self._who.lease_ms * _MS

    def _waited_ns(self) -> int:
        oldest_ns = self._assembler.oldest_ns
        return 0 if oldest_ns is None else monotonic_ns() - oldest_ns

    def wait_s(self) -> float:
        """Return how long the loop may wait: to the next heartbeat, a deadline of a part, the end of a set's time."""
        wait_s = 0.1 if self._is_held else max(0.0, (self._next_ns - monotonic_ns()) / 1e9)
        if self._journaling.is_waiting:  # nothing else can go on
            return min(wait_s, self._journaling.retry_s)
        for due_ns in (self._judging.due_ns, self._assembler.due_ns):
            if due_ns is not None:
                wait_s = max(0.0, min(wait_s, (due_ns - monotonic_ns()) / 1e9))
        return wait_s
