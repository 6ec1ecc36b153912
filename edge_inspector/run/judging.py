"""How parts are judged: one after the other, or several side by side. Judgements come out in the order of the parts."""

from __future__ import annotations

import os
import queue
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EngineError
from edge_inspector.core.ports import Progress
from edge_inspector.core.verdict import Reason, Stages, TileResults
from edge_inspector.run.judge import Judge, Judged, Seen, not_judged
from edge_inspector.run.part import Part
from edge_inspector.run.worker import Worker


@dataclass(frozen=True, slots=True)
class Done:
    """A part that may have its verdict now."""

    part: Part
    judged: Judged
    is_read: bool = True
    """Nobody looks at its picture any more. False: a worker still does; `let_go` names the part when it has ended."""


class Judging(Protocol):
    """Parts in, judgements out. Called by the loop's thread alone: `has_room`, `accept`, then `take` until None."""

    @property
    def in_hand(self) -> int:
        """Parts that were accepted and not taken."""
        ...

    @property
    def failure(self) -> EngineError | None:
        """Why the model is not trusted (any more); None while it is."""
        ...

    @property
    def due_ns(self) -> int | None:
        """When the oldest part in hand must be taken, judged or not; None for any time."""
        ...

    def has_room(self) -> bool:
        """Whether one more part would be begun."""
        ...

    def accept(self, part: Part, progress: Progress) -> None:
        """Take a part in; may judge it before it returns."""
        ...

    def hold(self, part: Part, judged: Judged) -> None:
        """Take in a part whose judgement is known, so that it comes out in its place."""
        ...

    def take(self) -> Done | None:
        """Return the oldest part, when it has its judgement or its time is over."""
        ...

    def let_go(self) -> list[Part]:
        """Return parts that were taken unread and that no worker looks at any more; each once."""
        ...

    def is_late(self, part: Part, now_ns: int) -> bool:
        """Return whether a part's deadline has passed."""
        ...

    def progress_ns(self) -> int:
        """Return the moment at which the slowest worker last moved; now where none is at work."""
        ...


class InTurn:
    """One part at a time, in the thread that asks: the profile `latency`. Its heartbeat comes from the very work."""

    due_ns: int | None = None

    def __init__(self, judge: Judge, halt_ns: Callable[[], int]) -> None:
        """Prepare.

        Args:
            judge: Judges one part.
            halt_ns: Moment from which parts are not judged any more; 0 for none.
        """
        self._judge, self._halt_ns = judge, halt_ns
        self._done: Done | None = None

    @property
    def in_hand(self) -> int:
        """Parts that were accepted and not taken: 0 or 1."""
        return int(self._done is not None)

    @property
    def failure(self) -> EngineError | None:
        """Why the model is not trusted."""
        return self._judge.failure

    def has_room(self) -> bool:
        """Whether no part is in hand."""
        return self._done is None

    def accept(self, part: Part, progress: Progress) -> None:
        """Judge a part."""
        self._done = Done(part, self._judge.judge(part, progress, self._halt_ns()))

    def hold(self, part: Part, judged: Judged) -> None:
        """Keep a judgement for `take`."""
        self._done = Done(part, judged)

    def take(self) -> Done | None:
        """Return the part in hand."""
        done, self._done = self._done, None
        return done

    def let_go(self) -> list[Part]:
        """Return nothing: every part was read when it was taken."""
        return []

    def is_late(self, part: Part, now_ns: int) -> bool:
        """Return whether a part's deadline has passed."""
        return self._judge.is_late(part, now_ns)

    def progress_ns(self) -> int:
        """Return now: who asks is who works."""
        return monotonic_ns()


class _Task:
    """One part on its way through a worker. Each field has one writer: the worker, but for `part`."""

    __slots__ = ("judged", "part", "progress_ns")

    def __init__(self, part: Part, judged: Judged | None = None) -> None:
        self.part, self.judged = part, judged
        self.progress_ns = 0  # 0: no worker has it yet


class SideBySide:
    """One part per worker: the profile `throughput`. A sequencer gives them out in order, the oldest at its deadline.

    A part whose time is over is given out as UNKNOWN `deadline` while its worker still looks at the picture, so that
    those behind it are not held up; its slot stays taken until the worker has ended with it.
    """

    def __init__(self, judges: Sequence[Judge], wake_fd: int, halt_ns: Callable[[], int]) -> None:
        """Prepare; `start` begins.

        Args:
            judges: One per worker; engines may share a session, not their buffers.
            wake_fd: eventfd that wakes the loop's thread.
            halt_ns: Moment from which parts are not judged any more; 0 for none.
        """
        self._judges, self._wake_fd, self._halt_ns = judges, wake_fd, halt_ns
        self._tasks: deque[_Task] = deque()
        self._unread: list[_Task] = []
        self._waiting: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._workers = [Worker(f"judge-{n}", partial(self._work, judge)) for n, judge in enumerate(judges)]

    def start(self) -> None:
        """Let the workers begin."""
        for worker in self._workers:
            worker.start()

    def close(self, timeout_s: float = 0.5) -> None:
        """End the workers, waiting so long for all of them together; what they have in hand is dropped."""
        for worker in self._workers:
            worker.ask_to_stop()
            self._waiting.put(None)  # wakes one that has nothing to do
        until_ns = monotonic_ns() + round(timeout_s * 1e9)
        for worker in self._workers:
            worker.stop(max(0.0, (until_ns - monotonic_ns()) / 1e9))

    @property
    def in_hand(self) -> int:
        """Parts that were accepted and not taken."""
        return len(self._tasks)

    @property
    def failure(self) -> EngineError | None:
        """Why the model is not trusted, or why a worker ended."""
        for judge in self._judges:
            if judge.failure is not None:
                return judge.failure
        for worker in self._workers:
            if worker.error is not None:
                return EngineError(f"the {worker.name} thread ended: {worker.error}; its process is started again")
        return None

    @property
    def due_ns(self) -> int | None:
        """When the oldest part in hand must be taken; None while there is none, or no deadline."""
        return self._judges[0].deadline_of(self._tasks[0].part) if self._tasks else None

    def has_room(self) -> bool:
        """Whether each worker would still have at most one part waiting for it."""
        return len(self._tasks) < 2 * len(self._workers)

    def accept(self, part: Part, progress: Progress) -> None:
        """Hand a part to the next free worker; one that no model is asked about needs none."""
        if part.missing or part.broken is not None:
            self.hold(part, self._judges[0].judge(part, progress, self._halt_ns()))
            return
        task = _Task(part)
        self._tasks.append(task)
        self._waiting.put(task)

    def hold(self, part: Part, judged: Judged) -> None:
        """Put a known judgement in line."""
        self._tasks.append(_Task(part, judged))

    def take(self) -> Done | None:
        """Return the oldest part if it is judged; at its deadline as it is, UNKNOWN."""
        if not self._tasks:
            return None
        head = self._tasks[0]
        if head.judged is not None:
            self._tasks.popleft()
            return Done(head.part, head.judged)
        now_ns = monotonic_ns()
        if not self.is_late(head.part, now_ns):
            return None
        self._unread.append(self._tasks.popleft())
        stages = Stages(grab_ns=max(0, now_ns - head.part.trigger_ns))
        return Done(head.part, not_judged(head.part, Reason.DEADLINE, stages), is_read=False)

    def let_go(self) -> list[Part]:
        """Return parts that were taken unread and whose worker has ended with them since."""
        waiting: list[_Task] = []
        read: list[_Task] = []
        for task in self._unread:  # each is looked at once: a worker may end with it at any moment
            (waiting if task.judged is None else read).append(task)
        self._unread = waiting
        return [task.part for task in read]

    def is_late(self, part: Part, now_ns: int) -> bool:
        """Return whether a part's deadline has passed."""
        return self._judges[0].is_late(part, now_ns)

    def progress_ns(self) -> int:
        """Return when the slowest worker last moved; now where none is at work."""
        at_work = [t.progress_ns for t in (*self._tasks, *self._unread) if t.judged is None and t.progress_ns]
        return min(at_work, default=monotonic_ns())

    def _work(self, judge: Judge) -> bool:
        task = self._waiting.get()
        if task is None:
            return False

        def progress() -> None:
            task.progress_ns = monotonic_ns()

        progress()
        judged = judge.judge(task.part, progress, self._halt_ns())
        # The engine writes over its buffers with the next part.
        task.judged = replace(judged, views=tuple(map(_with_copies, judged.views)))
        os.eventfd_write(self._wake_fd, 1)
        return True


def _with_copies(seen: Seen) -> Seen:
    kept = seen.results
    if kept is None:
        return seen
    return replace(seen, results=TileResults(kept.scores.copy(), kept.heat.copy(), kept.tiles))
