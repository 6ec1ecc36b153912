"""Who owns a slot: camera, inspect and main, each standing still or killed between any two loads and stores.

`Process` in `fakes/stepped_memory.py` runs the real code of the ring in small steps; here they are put in any order.
"""

from __future__ import annotations

import os
from collections import deque

import numpy as np
import pytest
from fakes.line_memory import FRAME, frame_arrival, make_wake_fd
from fakes.stepped_memory import Process, make_stepped_memory, stand
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import U8, Arrival, ArrivalKind
from edge_inspector.core.verdict import Outcome
from edge_inspector.run.assemble import Assembler
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraWord
from edge_inspector.run.part import View
from edge_inspector.run.ring import CLAIM, DONE, GENERATION, RETURNED, SLOT, EvidenceBorrower, RingWriter

STEPS = st.one_of(st.integers(1, 40), st.integers(-12, -1), st.just(1000))
"""A trigger takes about 33 loads and stores, a part 38; -2 is to before the second store, 1000 to the end."""


class SlotOwnership(RuleBasedStateMachine):
    """Each rule begins an operation, lets one go on, or kills a process; the others stand where they are meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.memory, self.wake_fd = make_stepped_memory(), make_wake_fd()
        self.ring = self.memory.cameras[0]
        self.camera, self.inspect, self.main = Process(), Process(), Process()
        self.has_camera = self.has_inspect = True
        self.is_settled = True
        self.writer = RingWriter(self.ring, self.wake_fd)
        self.assembler = Assembler(self.memory, self.wake_fd)
        self.borrower = EvidenceBorrower(self.ring)
        self.notes: deque[View] = deque()
        self.newest = 0
        self.last_judged = 0

    @precondition(lambda self: self.has_camera and not self.camera.is_busy)
    @rule(has_picture=st.sampled_from([True, True, True, False]), steps=STEPS)
    def a_trigger_comes(self, has_picture: bool, steps: int) -> None:
        self.newest += 1
        arrival = frame_arrival(self.newest)
        if not has_picture:
            arrival = Arrival(ArrivalKind.LOST, self.newest, monotonic_ns(), "host")
        self.camera.begin(lambda: self.writer.accept(arrival)).go(steps)

    @precondition(lambda self: self.has_camera and not self.camera.is_busy)
    @rule(steps=STEPS)
    def the_camera_is_idle(self, steps: int) -> None:
        self.camera.begin(lambda: self.writer.settle()).go(steps)

    @precondition(lambda self: self.has_inspect and not self.inspect.is_busy)
    @rule(lends=st.booleans(), is_told=st.sampled_from([True, True, False]), steps=STEPS)
    def a_part_is_judged(self, lends: bool, is_told: bool, steps: int) -> None:
        self.inspect.begin(lambda: self._judge(lends, is_told)).go(steps)

    @precondition(lambda self: self.notes and not self.main.is_busy)
    @rule(steps=STEPS)
    def main_copies_a_lent_picture(self, steps: int) -> None:
        view = self.notes.popleft()
        self.main.begin(lambda: self._copy(view)).go(steps)

    @precondition(lambda self: self.camera.is_busy or self.inspect.is_busy or self.main.is_busy)
    @rule(who=st.sampled_from(["camera", "inspect", "main"]), steps=STEPS)
    def somebody_goes_on(self, who: str, steps: int) -> None:
        getattr(self, who).go(steps)

    @precondition(lambda self: self.camera.is_busy and self.has_camera)
    @rule(steps=STEPS)
    def the_camera_process_is_killed(self, steps: int) -> None:
        self.camera.kill()
        self.has_camera = self.is_settled = False
        if not self.main.is_busy:
            self.main.begin(self._settle).go(steps)

    @precondition(lambda self: not self.has_camera and not self.main.is_busy)
    @rule(steps=STEPS)
    def a_new_camera_process_comes(self, steps: int) -> None:
        if not self.is_settled:
            self.main.begin(self._settle).finish()
        self.has_camera = True
        self.camera.begin(self._open_writer).go(steps)

    @precondition(lambda self: self.inspect.is_busy and self.has_inspect)
    @rule()
    def the_inspect_process_is_killed(self) -> None:
        self.inspect.kill()
        self.has_inspect = False

    @precondition(lambda self: not self.has_inspect)
    @rule(steps=STEPS)
    def a_new_inspect_process_comes(self, steps: int) -> None:
        self.has_inspect = True
        self.inspect.begin(self._open_reader).go(steps)

    # What must hold.

    @invariant()
    def a_picture_that_waits_is_nobody_elses(self) -> None:
        records, claims, n = self.ring.records, self.ring.claims, len(self.ring.records)
        waiting = [records[i % n] for i in range(Ledger(self.memory).seq, self.ring.read(CameraWord.HEAD))]
        owned = [(int(row[SLOT]), int(row[GENERATION])) for row in waiting if int(row[SLOT]) >= 0]
        assert len({slot for slot, _ in owned}) == len(owned), "two parts wait in one slot"
        for slot, generation in owned:
            claim, done, _, returned = claims[slot].tolist()
            assert claim == generation, "a picture that waits was taken over"
            assert generation not in (done, returned), "a picture that waits lies in a free slot"

    def teardown(self) -> None:
        try:
            self._come_to_rest()
            self._all_is_given_back()
        finally:
            for process in (self.camera, self.inspect, self.main):
                process.kill()
            os.close(self.wake_fd)

    def _come_to_rest(self) -> None:
        for process in (self.camera, self.inspect, self.main):
            process.finish()
        if not self.has_camera:
            self._settle()
            self._open_writer()
        if not self.has_inspect:
            self._open_reader()
        while Ledger(self.memory).seq < self.ring.read(CameraWord.TRIGGERS):
            self.writer.settle()
            self._judge(lends=False, is_told=True)
        while self.notes:
            self._copy(self.notes.popleft())

    def _all_is_given_back(self) -> None:
        for slot, claims in enumerate(self.ring.claims):
            assert int(claims[CLAIM]) in (int(claims[DONE]), int(claims[RETURNED])), f"slot {slot} leaked"
        assert self.assembler.can_lend(0)
        seq = Ledger(self.memory).seq
        assert self.ring.read(CameraWord.HEAD) == self.ring.read(CameraWord.TRIGGERS) == seq

    # Operations, in the order of loads and stores of the processes that do them.

    def _open_writer(self) -> None:
        self.writer = RingWriter(self.ring, self.wake_fd)

    def _open_reader(self) -> None:
        self.assembler = Assembler(self.memory, self.wake_fd)

    def _settle(self) -> None:
        RingWriter(self.ring, self.wake_fd)
        self.is_settled = True

    def _judge(self, lends: bool, is_told: bool) -> None:
        part = self.assembler.take()
        view = None if part is None else part.views[0]
        if part is None or view is None:
            return
        if view.pixels is not None:
            for _ in range(2):  # at the beginning of a long inference and at its end
                self._is_whole(view, view.pixels.copy())
            assert view.frame_id >= self.last_judged, "out of order"  # again, where a kill left it without a verdict
            self.last_judged = view.frame_id
        Ledger(self.memory).enter(Outcome.PASS, False, b"message", part.intake)
        self.assembler.entered(part)
        is_lent = lends and view.slot >= 0 and self.assembler.can_lend(0) and is_told
        if is_lent:
            stand()
            self.notes.append(view)
        self.assembler.release(0, view, is_lent)

    def _copy(self, view: View) -> None:
        copy = self.borrower.copy(view.slot, view.generation)
        if copy is not None:
            self._is_whole(view, copy)

    @staticmethod
    def _is_whole(view: View, pixels: U8) -> None:
        assert np.array_equal(pixels, np.full(FRAME.hwc, view.frame_id % 256, np.uint8)), "another part's picture"


class TestSlotOwnership(SlotOwnership.TestCase):  # type: ignore[misc]
    settings = settings(max_examples=120, stateful_step_count=60, deadline=None)


@pytest.mark.parametrize("lends", [False, True])
def test_an_inspect_process_killed_before_any_load_or_store_leaves_no_slot_behind(lends: bool) -> None:
    for steps in range(1, 60):
        line = SlotOwnership()
        line.a_trigger_comes(True, 1000)
        line.a_part_is_judged(lends, True, steps)
        line.the_inspect_process_is_killed()
        for more in range(0, 60, 7):  # and each successor that comes while it recovers
            line.a_new_inspect_process_comes(more)
            line.the_inspect_process_is_killed()

        line.teardown()


def test_a_camera_process_killed_before_any_load_or_store_leaves_no_slot_behind() -> None:
    for steps in range(1, 60):
        line = SlotOwnership()
        for _ in range(2):
            line.a_trigger_comes(True, 1000)
            line.a_part_is_judged(True, True, 1000)
        line.a_trigger_comes(True, steps)
        line.the_camera_process_is_killed(1000)
        for more in range(0, 60, 7):
            line.a_new_camera_process_comes(more)
            line.the_camera_process_is_killed(1000)

        line.teardown()


def test_main_standing_anywhere_in_its_copy_gets_the_whole_picture_or_none() -> None:
    for steps in range(1, 30):
        line = SlotOwnership()
        line.a_trigger_comes(True, 1000)
        line.a_part_is_judged(True, True, 1000)
        line.main_copies_a_lent_picture(steps)
        for _ in range(3):  # the third takes the lent slot back
            line.a_trigger_comes(True, 1000)

        line.main.finish()  # looks at the copy
        line.teardown()
