"""The loop of a camera process: from the camera into the ring."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import Arrival, ArrivalKind, Travel
from edge_inspector.core.ports import Camera, SourceEnded
from edge_inspector.run.memory import CameraMemory, CameraStatus, CameraWord, LineMemory, Word
from edge_inspector.run.ring import RingWriter

_FETCH_S = 0.1
"""How long one wait for a trigger may last: progress is reported, and a stop seen, that often."""
_WAIT_S = 0.001
_ROOM_S = 0.005
"""Between two looks for a free slot of a source that can wait. All slots hold pictures then, so nobody is kept waiting,
and a folder played at full speed would else wake its process a thousand times a second."""
_ARM_NS = 55_000_000_000
"""What arming may take on top of the usual limit without progress: some producers search the network for half a
minute, and a camera that a killed process held is free only after its own timeout."""


class GrabLoop:
    """Feeds the ring from one camera until main says stop or a finite source ends."""

    def __init__(
        self,
        line: LineMemory,
        memory: CameraMemory,
        writer: RingWriter,
        camera: Camera,
        *,
        can_wait: bool,
        wait_for_subscribers: int,
        on_armed: Callable[[], None],
        at_each_turn: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare.

        Args:
            line: The line's shared memory.
            memory: What this camera has of it.
            writer: The writing end of its ring.
            camera: Not entered yet.
            can_wait: The source may be held back instead of overrun (a folder played as fast as possible).
            wait_for_subscribers: The first picture waits for so many subscriptions.
            on_armed: Called once, when the camera is connected and armed.
            at_each_turn: Called some ten times a second at least; must cost nothing.
        """
        self._at_each_turn = at_each_turn
        self._line, self._memory, self._writer, self._camera = line, memory, writer, camera
        self._can_wait, self._wait_for_subscribers = can_wait, wait_for_subscribers
        self._on_armed = on_armed
        self._is_out_of_step = False
        self._first_whole = 0
        """Place in the ring behind the first whole picture; 0 before it."""
        self._frames_before = memory.read(CameraWord.FRAMES)
        self._discarded_before = memory.read(CameraWord.DISCARDED)
        # Nobody knows what a counter did while nobody looked: no place of before can be compared with one of after.
        self._generation = memory.read(CameraWord.ENCODER_GENERATION) + (memory.read(CameraWord.ARMED_TIMES) > 0)

    def run(self) -> None:
        """Run until stopped or ended; raises CameraError when the camera cannot be used or is lost."""
        # Armed before somebody is there to judge, a camera would only fill the ring.
        if not self._wait_until(lambda: self._line.read(Word.HEARTBEAT_NS) != 0):
            return
        self._memory.write(CameraWord.PROGRESS_NS, monotonic_ns() + _ARM_NS)
        with self._camera:
            self._progress()  # takes back what arming was allowed
            self._say_armed()
            self._wait_until(lambda: self._line.read(Word.SUBSCRIBERS) >= self._wait_for_subscribers)
            try:
                while not self._is_stopped():
                    self._step()
            except SourceEnded:
                self._wait_until(self._is_settled)
                self._memory.write(CameraWord.STATUS, CameraStatus.ENDED)
                return
        self._memory.write(CameraWord.STATUS, CameraStatus.DOWN)

    def _step(self) -> None:
        self._progress()
        if self._can_wait and not self._wait_until(self._writer.has_room, _ROOM_S):
            return
        arrival = self._camera.fetch(_FETCH_S)
        self._note_step()
        if arrival is None:
            self._writer.settle()
            return
        if arrival.travel is not None:
            arrival = self._placed(arrival, arrival.travel)
        self._writer.accept(arrival)
        if arrival.kind is ArrivalKind.FRAME:
            self._memory.write(CameraWord.LAST_FRAME_NS, monotonic_ns())
        # One that found a slot.
        if not self._first_whole and self._memory.read(CameraWord.FRAMES) > self._frames_before:
            self._first_whole = self._memory.read(CameraWord.HEAD)
        if self._camera.discarded:
            self._memory.write(CameraWord.DISCARDED, self._discarded_before + self._camera.discarded)

    def _note_step(self) -> None:
        """Say that the line is in step again once the first whole picture after a loss has its verdict.

        Not before: that verdict itself must not be acted on.
        """
        if self._is_out_of_step and self._first_whole and self._memory.read(CameraWord.CONSUMED) >= self._first_whole:
            self._is_out_of_step = False
            self._memory.write(CameraWord.STATUS, CameraStatus.ARMED)

    def _say_armed(self) -> None:
        times = self._memory.read(CameraWord.ARMED_TIMES)
        self._is_out_of_step = times > 0
        self._memory.write(CameraWord.STATUS, CameraStatus.RESYNCING if times else CameraStatus.ARMED)
        self._memory.write(CameraWord.ARMED_TIMES, times + 1)
        self._on_armed()

    def _placed(self, arrival: Arrival, travel: Travel) -> Arrival:
        """Tell the line where it stands; returns the arrival with the generation that counts in this epoch."""
        travel = replace(travel, generation=self._generation + travel.generation)
        if travel.generation != self._memory.read(CameraWord.ENCODER_GENERATION):
            # First: nobody may read an old count as one of the new generation.
            self._memory.write(CameraWord.ENCODER_NOW, 0)
            self._memory.write(CameraWord.ENCODER_GENERATION, travel.generation)
        if travel.count >= 0:
            self._memory.write(CameraWord.ENCODER_NS, arrival.trigger_ns)
            self._memory.write(CameraWord.ENCODER_NOW, travel.count + 1)
        return replace(arrival, travel=travel)

    def _wait_until(self, is_true: Callable[[], bool], between_s: float = _WAIT_S) -> bool:
        while not is_true():
            if self._is_stopped():
                return False
            self._progress()
            time.sleep(between_s)
        return True

    def _is_settled(self) -> bool:
        self._writer.settle()
        return self._memory.read(CameraWord.HEAD) == self._memory.read(CameraWord.TRIGGERS)

    def _is_stopped(self) -> bool:
        return self._line.read(Word.STOP_CAMERA) != 0

    def _progress(self) -> None:
        self._at_each_turn()
        self._memory.write(CameraWord.PROGRESS_NS, monotonic_ns())
