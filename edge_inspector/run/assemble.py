"""From the rings of all cameras to parts, each with what every camera brought of it."""

from __future__ import annotations

from collections import deque

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import ArrivalKind, Travel
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraStatus, CameraWord, LineMemory, Word
from edge_inspector.run.part import Intake, Part, View
from edge_inspector.run.ring import RingReader
from edge_inspector.run.sets import Formed, SetRule, Sight, Waiting, next_set, without_late
from edge_inspector.run.step import Step

_UNSEEN = (ArrivalKind.LOST, ArrivalKind.CAMERA_LOST)


class Assembler:
    """The reading end of all rings. Owned by the loop's thread; a new one frees what its killed predecessor had."""

    def __init__(self, memory: LineMemory, wake_fd: int, rule: SetRule | None = None, *, needs_pause: bool = False):
        """Take over.

        Args:
            memory: Of the line.
            wake_fd: eventfd that the cameras write to; non-blocking.
            rule: How sets are formed; None for a line of one camera.
            needs_pause: Sets by count of cameras that nobody can hold back are in step only after a pause.
        """
        self._memory, self._rule, self._ledger = memory, rule, Ledger(memory)
        intake = self._ledger.intake()
        cameras = list(zip(memory.cameras, intake.taken, strict=True))
        self._readers = tuple(RingReader(camera, wake_fd, taken) for camera, taken in cameras)
        self._old_before = tuple(reader.head() for reader in self._readers)
        self._ahead = intake
        """How far the rings are taken with the parts that are in hand."""
        # What is looked at is the same in all steps that make one set, whatever comes meanwhile.
        self._heads = self._old_before
        self._is_gone = [False] * len(self._readers)
        self._in_hand: deque[Part] = deque()
        self._due_ns: int | None = None
        self._step = Step(memory, rule.wait_ns) if rule is not None and needs_pause else None
        self._consume(intake)

    @property
    def next_id(self) -> int:
        """Number of the part that comes next."""
        return self._memory.read(Word.FIRST_PART) + self._ledger.seq + len(self._in_hand)

    @property
    def due_ns(self) -> int | None:
        """When a set is formed without what has not come, or the cameras are in step; None for nothing."""
        return self._due_ns

    @property
    def is_in_step(self) -> bool:
        """Whether the records of all cameras are known to belong together."""
        return self._step is None or self._step.is_kept()

    @property
    def is_recovering(self) -> bool:
        """Whether parts of a killed predecessor have no verdict yet."""
        taken = self._ledger.intake().taken
        return any(n < before for n, before in zip(taken, self._old_before, strict=True))

    @property
    def oldest_ns(self) -> int | None:
        """Trigger of the oldest part without a verdict, as far as it is known; None while there is none."""
        if self._in_hand:
            return self._in_hand[0].trigger_ns
        views = [self._readers[camera].view(taken) for camera, taken in enumerate(self._ahead.taken)]
        return min((view.trigger_ns for view in views if view is not None), default=None)

    def is_empty(self) -> bool:
        """Whether every record that came has its verdict, or needs none."""
        if self._in_hand:
            return False
        self._drop_late()
        heads = self._heads if self._rule is not None else (self._readers[0].head(),)
        return all(head <= taken for head, taken in zip(heads, self._ahead.taken, strict=True))

    def take(self) -> Part | None:
        """Return the next part; None if it has not come, or not all of it and it may still."""
        if self._rule is None:
            return self._take_only()
        now_ns = monotonic_ns()
        self._drop_late()
        is_idle = all(head <= taken for head, taken in zip(self._heads, self._ahead.taken, strict=True))
        if self._step is not None and self._step.watch(now_ns, is_idle and not self._in_hand):
            self._ahead = Intake(self._ahead.taken, (0,) * len(self._readers), self._ahead.closed)
            self._ledger.note(self._ahead)  # before it counts as in step: a kill between leaves it out of step
            self._step.keep()
        formed = next_set(self._rule, self._ahead, self._sight, self._is_gone, now_ns)
        in_step_ns = None if self._step is None else self._step.due_ns
        self._due_ns = formed.due_ns if isinstance(formed, Waiting) else in_step_ns
        return self._formed(formed) if isinstance(formed, Formed) else None

    def entered(self, part: Part) -> None:
        """Give back what the oldest part in hand used of the rings: the ledger holds its verdict."""
        self._in_hand.popleft()
        self._consume(part.intake)

    def can_lend(self, camera: int) -> bool:
        """Whether evidence may borrow one more slot of a camera."""
        return self._readers[camera].can_lend()

    def release(self, camera: int, view: View, lend: bool) -> None:
        """Give a view's slot back to its camera, or lend it to evidence first."""
        self._readers[camera].release(view, lend)

    def _take_only(self) -> Part | None:
        view = self._readers[0].view(self._ahead.taken[0])
        if view is None:
            return None
        taken = self._ahead.taken[0]
        self._ahead = Intake((taken + 1,), (0,))
        return self._hold((view,), self._ahead, is_old=taken < self._old_before[0])

    def _formed(self, formed: Formed) -> Part:
        taken = self._ahead.taken
        views = tuple(
            reader.view(at) if member else None
            for reader, at, member in zip(self._readers, taken, formed.members, strict=True)
        )
        self._ahead = formed.intake
        is_old = any(
            member and at < before
            for member, at, before in zip(formed.members, taken, self._old_before, strict=True)
        )  # fmt: skip
        return self._hold(views, formed.intake, is_old)

    def _hold(self, views: tuple[View | None, ...], intake: Intake, is_old: bool) -> Part:
        there = [view for view in views if view is not None]
        first = min(there, key=lambda view: view.trigger_ns) if len(there) > 1 else there[0]
        lead = views[0]
        # A part that the first camera did not see has no place, but is of the present generation.
        generation = 0 if lead else self._memory.cameras[0].read(CameraWord.ENCODER_GENERATION)
        travel = lead.travel if lead else Travel(generation=generation)
        source = first.trigger_source
        part = Part(self.next_id, views, first.trigger_ns, source, travel, intake, is_old, self.is_in_step)
        self._in_hand.append(part)
        return part

    def _drop_late(self) -> None:
        """Pass over what came after its set was closed, and give its slots back at once."""
        if self._rule is None:
            return
        self._is_gone = self._gone()  # before the heads: what a camera brought before it went is seen
        self._heads = tuple(reader.head() for reader in self._readers)
        behind = without_late(self._rule, self._ahead, self._sight, self._is_gone)
        for reader, before, after in zip(self._readers, self._ahead.taken, behind.taken, strict=True):
            for place in range(before, after):
                if (view := reader.view(place)) is not None:
                    reader.release(view, lend=False)
        self._ahead = behind

    def _sight(self, camera: int, place: int) -> Sight | None:
        if self._rule is None or place >= self._heads[camera]:
            return None
        found = self._readers[camera].glance(place)
        assert found is not None  # its head was seen before
        kind, frame_id, trigger_ns, count = found
        is_timed = kind not in _UNSEEN and not (kind is ArrivalKind.OVERRUN and frame_id < 0)
        is_extra = False
        if self._rule.by == "count" and count >= 0 and place > 0:
            before = self._readers[camera].glance(place - 1)
            is_extra = before is not None and before[3] == count
        return Sight(trigger_ns - self._rule.later_ns[camera], is_timed, is_extra)

    def _gone(self) -> list[bool]:
        is_over = self._memory.read(Word.CAMERA_GONE) != 0
        away = (CameraStatus.DOWN, CameraStatus.ENDED)
        return [is_over or camera.read(CameraWord.STATUS) in away for camera in self._memory.cameras]

    def _consume(self, intake: Intake) -> None:
        for reader, taken in zip(self._readers, intake.taken, strict=True):
            reader.consume(taken)
