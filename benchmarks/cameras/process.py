"""The real camera process, with the bench in the places of main and of the inspect process."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from benchmarks.ear import Silent
from benchmarks.figures import Window
from benchmarks.processes import cpu_time
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.app.plans import GrabPlan
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import ArrivalKind
from edge_inspector.run.child import Child
from edge_inspector.run.handover import handover_pair
from edge_inspector.run.memory import CameraStatus, CameraWord, Layout, LineMemory, Word
from edge_inspector.run.part import View
from edge_inspector.run.ring import RingReader

START_S = 60.0
STOP_S = 5.0
SLOTS, EVIDENCE_SLOTS, RECORDS = 12, 4, 4096  # what a line has that says nothing about its ring
PATIENCE_S = 5.0


class CameraProcess:
    """A camera process that was started and is armed. Use it as a context manager, from one thread."""

    def __init__(self, plan: GenicamPlan, environment: Mapping[str, str], slots: int = SLOTS) -> None:
        """Start it and wait until its camera is armed; with so many frames between it and the reader.

        Raises:
            Silent: It ended, or was not armed in time.
        """
        layout = Layout(plan.frame, slots, EVIDENCE_SLOTS, RECORDS)
        self._memory = LineMemory(layout)
        self._memory.write(Word.FIRST_PART, 1)
        self._memory.write(Word.HEARTBEAT_NS, monotonic_ns())  # somebody is there to judge
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._notes = handover_pair()
        grab = GrabPlan("bench", "warning", (layout,), 0, plan, can_wait=False, wait_for_subscribers=0)
        with _given(environment):
            self._child = Child(
                "edge_inspector.app.camera", self._memory.fd, self._wake_fd, self._notes[1].fileno(), grab
            )
        self._reader = RingReader(self._memory.cameras[0], self._wake_fd, consumed=0)
        self._consumed = 0
        self._wake = select.poll()
        self._wake.register(self._wake_fd, select.POLLIN)
        self._await_armed()

    def next(self, timeout_s: float) -> View | None:
        """Return the next trigger, None when none came in time; `free` it before the next one is asked for."""
        ends = time.monotonic() + timeout_s
        while (view := self._reader.view(self._consumed)) is None:
            with suppress(BlockingIOError):
                os.eventfd_read(self._wake_fd)
            if self._reader.head() > self._consumed:
                continue
            left_s = ends - time.monotonic()
            if left_s <= 0:
                return None
            self._wake.poll(left_s * 1000)
        return view

    def free(self, view: View) -> None:
        """Give a slot and its place in the ring back, as if the verdict were out."""
        self._reader.release(view, lend=False)
        self._consumed += 1
        self._reader.consume(self._consumed)

    def window(self, seconds: float) -> Window:
        """Let a process that is paused work for so long, and count whole frames.

        Raises:
            Silent: Frames did not come whole: what it did then was something else.
        """
        self.resume()
        own, cpu, began = time.process_time(), cpu_time(self._child.pid), time.monotonic()
        n = broken = 0
        while time.monotonic() - began < seconds:
            view = self.next(PATIENCE_S)
            if view is None:
                raise Silent("the camera process passed no frame on")
            n += view.kind is ArrivalKind.FRAME
            broken += view.kind is not ArrivalKind.FRAME
            self.free(view)
        wall_s = time.monotonic() - began
        cpu_s = (cpu_time(self._child.pid) - cpu).total_s + time.process_time() - own
        self.pause()
        if broken * 100 > n:
            raise Silent(f"{broken} of {n + broken} frames did not come whole")
        return Window(n / wall_s, cpu_s * 1000 / n)

    def pause(self) -> None:
        """Let it do nothing while another is measured."""
        os.kill(self._child.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self._child.pid, signal.SIGCONT)

    def _await_armed(self) -> None:
        ends = time.monotonic() + START_S
        while self._memory.cameras[0].read(CameraWord.STATUS) != CameraStatus.ARMED:
            if time.monotonic() > ends or self._child.poll() is not None:
                self.close()
                raise Silent("the camera process did not arm its camera")
            time.sleep(0.01)

    def close(self) -> None:
        """Disarm, end it, and give everything back."""
        self._memory.write(Word.STOP_CAMERA, 1)
        if self._child.poll() is None:
            self.resume()
            ended = select.poll()
            ended.register(self._child.pid_fd, select.POLLIN)
            ended.poll(STOP_S * 1000)
        self._child.kill()
        self._child.close()
        for end in self._notes:
            end.close()
        os.close(self._wake_fd)
        os.close(self._memory.fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def _given(environment: Mapping[str, str]) -> Iterator[None]:
    """Give children that are started meanwhile another environment; `Child` hands on this process's own."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
