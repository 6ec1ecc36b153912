"""From several rings to parts: on real shared memory, through late pictures, kills and cameras that come and go."""

from __future__ import annotations

import os
import random
from collections import deque
from collections.abc import Iterator

import numpy as np
import pytest
from fakes.line_memory import make_wake_fd

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import PICTURED, Arrival, ArrivalKind, FrameShape, Travel
from edge_inspector.core.verdict import Outcome
from edge_inspector.run import assemble
from edge_inspector.run.assemble import Assembler
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraStatus, CameraWord, Layout, LineMemory, Word
from edge_inspector.run.part import Part
from edge_inspector.run.ring import CLAIM, DONE, RETURNED, RingWriter
from edge_inspector.run.sets import SetRule

MS = 1_000_000
FRAMES = (FrameShape(8, 16, 1), FrameShape(4, 4, 3))
WAIT = 50 * MS
FIRST = 501


class Rig:
    """A line of two cameras of different sizes, whose clock stands still until it is moved."""

    def __init__(self, by: str = "time", needs_pause: bool = False) -> None:
        self.now_ns = monotonic_ns()
        self.memory = LineMemory(*(Layout(frame, 4, 2, 16) for frame in FRAMES))
        self.memory.write(Word.FIRST_PART, FIRST)
        self.wake_fd = make_wake_fd()
        self.rule = SetRule(by, 5 * MS, WAIT, (0, 0))  # type: ignore[arg-type]
        self.needs_pause = needs_pause
        self.writers = [RingWriter(camera, self.wake_fd) for camera in self.memory.cameras]
        self.ledger = Ledger(self.memory)
        for camera in range(2):
            self.arm(camera)
        self.replace_inspect()

    def arm(self, camera: int) -> None:
        memory = self.memory.cameras[camera]
        memory.write(CameraWord.STATUS, CameraStatus.ARMED)
        memory.write(CameraWord.ARMED_TIMES, memory.read(CameraWord.ARMED_TIMES) + 1)

    def replace_inspect(self) -> None:
        self.assembler = Assembler(self.memory, self.wake_fd, self.rule, needs_pause=self.needs_pause)

    def bring(self, camera: int, value: int, ago_ms: float = 0.0, kind: ArrivalKind = ArrivalKind.FRAME) -> None:
        pixels = np.full(FRAMES[camera].hwc, value, np.uint8) if kind in PICTURED else None
        at_ns = self.now_ns - round(ago_ms * MS)
        self.writers[camera].accept(Arrival(kind, value, at_ns, "camera", pixels, Travel(10 * value, 1), value))

    def enter(self, part: Part) -> None:
        """Do what the loop does with a part: a verdict, then its slots back."""
        self.ledger.enter(Outcome.PASS, False, b"message", part.intake)
        self.assembler.entered(part)
        for camera, view in enumerate(part.views):
            if view is not None:
                self.assembler.release(camera, view, lend=False)

    def take(self) -> Part | None:
        part = self.assembler.take()
        if part is not None:
            self.enter(part)
        return part

    def pass_ms(self, ms: float) -> None:
        self.now_ns += round(ms * MS)

    def free_slots(self) -> list[int]:
        return [
            sum(int(row[CLAIM]) in (int(row[DONE]), int(row[RETURNED])) for row in camera.claims)
            for camera in self.memory.cameras
        ]


@pytest.fixture
def make_rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Rig]]:
    rigs: list[Rig] = []

    class Made(Rig):
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **named)  # type: ignore[arg-type]
            monkeypatch.setattr(assemble, "monotonic_ns", lambda: self.now_ns)
            rigs.append(self)

    yield Made
    for rig in rigs:
        os.close(rig.memory.fd)
        os.close(rig.wake_fd)


def pixel_of(part: Part, camera: int) -> int:
    view = part.views[camera]
    assert view is not None
    assert view.pixels is not None
    assert view.pixels.shape == FRAMES[camera].hwc
    return int(view.pixels.flat[0])


def test_a_part_has_the_pictures_of_all_cameras_and_the_place_of_the_first(make_rig: type[Rig]) -> None:
    rig = make_rig()
    for number in (1, 2):
        rig.bring(1, 100 + number)
        rig.bring(0, number, ago_ms=1.0)
        part = rig.assembler.take()
        assert part is not None

        assert (part.part_id, pixel_of(part, 0), pixel_of(part, 1)) == (FIRST + number - 1, number, 100 + number)
        assert (part.travel, part.missing, part.broken) == (Travel(10 * number, 1), (), None)
        assert part.trigger_ns == rig.now_ns - MS
        rig.enter(part)
        rig.pass_ms(100)
    assert rig.free_slots() == [4, 4]
    assert rig.ledger.totals().in_flight == 0


def test_a_part_that_one_camera_did_not_see_names_it_once_its_time_is_over(make_rig: type[Rig]) -> None:
    rig = make_rig()
    rig.bring(1, 101)
    assert rig.assembler.take() is None
    assert rig.assembler.due_ns == rig.now_ns + WAIT
    assert rig.ledger.totals().triggers == 1

    rig.pass_ms(50)
    part = rig.take()

    assert part is not None
    assert (part.missing, part.travel) == ((0,), Travel(-1, 0))


def test_a_picture_that_comes_too_late_gives_its_slot_back_and_is_no_trigger(make_rig: type[Rig]) -> None:
    rig = make_rig()
    for number in range(1, 4):
        rig.bring(0, number)
        rig.pass_ms(60)
        assert rig.take() is not None
    for number in range(1, 4):
        rig.bring(1, 100 + number, ago_ms=60.0 * (4 - number))

    assert rig.assembler.take() is None

    assert rig.free_slots() == [4, 4]
    assert rig.ledger.totals().triggers == rig.ledger.seq == 3
    assert rig.assembler.is_empty()


def test_a_slot_that_a_killed_process_gave_back_is_not_given_back_for_another_picture(make_rig: type[Rig]) -> None:
    rig = make_rig()
    rig.bring(0, 1)
    rig.pass_ms(60)
    assert rig.take() is not None
    rig.bring(1, 101, ago_ms=60.0)
    assert rig.assembler.take() is None  # too late: its slot is free again
    rig.bring(1, 102)
    rig.bring(0, 2)
    part = rig.assembler.take()
    assert part is not None
    assert pixel_of(part, 1) == 102  # in the same slot

    # Killed after it gave the slots back and before the ledger had the verdict.
    for camera, view in enumerate(part.views):
        assert view is not None
        rig.assembler.release(camera, view, lend=False)
    rig.replace_inspect()
    assert rig.take() is not None

    assert rig.free_slots() == [4, 4]


def test_a_broken_picture_is_told_before_anything_is_judged(make_rig: type[Rig]) -> None:
    rig = make_rig()
    rig.bring(0, 1)
    rig.bring(1, 101, kind=ArrivalKind.INCOMPLETE)
    part = rig.take()

    assert part is not None
    assert part.broken is not None
    assert part.broken.kind is ArrivalKind.INCOMPLETE


def test_a_picture_of_a_part_that_nobody_can_place_is_not_judged_and_still_there_for_evidence(
    make_rig: type[Rig],
) -> None:
    rig = make_rig()
    rig.bring(0, 1, kind=ArrivalKind.ENCODER)
    rig.bring(1, 101)
    part = rig.assembler.take()

    assert part is not None
    assert part.broken is part.views[0]
    assert pixel_of(part, 0) == 1
    rig.enter(part)
    assert rig.free_slots() == [4, 4]


def test_several_parts_may_be_in_hand_before_the_first_has_its_verdict(make_rig: type[Rig]) -> None:
    rig = make_rig()
    for number in (1, 2, 3):
        rig.bring(0, number)
        rig.bring(1, 100 + number)
        rig.pass_ms(20)
    parts = [part for _ in range(3) if (part := rig.assembler.take()) is not None]

    assert [part.part_id for part in parts] == [FIRST, FIRST + 1, FIRST + 2]
    assert rig.assembler.oldest_ns == parts[0].trigger_ns
    assert not rig.assembler.is_empty()
    for part in parts:
        rig.enter(part)
    assert rig.assembler.is_empty()
    assert rig.assembler.oldest_ns is None


def test_what_a_killed_process_had_in_hand_is_old_and_what_comes_after_is_not(make_rig: type[Rig]) -> None:
    rig = make_rig()
    for number in (1, 2):
        rig.bring(0, number)
        rig.bring(1, 100 + number)
        rig.pass_ms(20)
    assert rig.take() is not None
    assert rig.assembler.take() is not None  # in hand when the kill comes

    rig.replace_inspect()
    rig.bring(0, 3)
    rig.bring(1, 103)

    assert rig.assembler.is_recovering
    found = [(part.part_id, part.is_old) for _ in range(2) if (part := rig.take()) is not None]
    assert found == [(FIRST + 1, True), (FIRST + 2, False)]
    assert not rig.assembler.is_recovering
    assert rig.free_slots() == [4, 4]


@pytest.mark.parametrize("seed", range(8))
def test_every_trigger_has_one_verdict_and_no_slot_leaks_whenever_the_process_is_killed(
    make_rig: type[Rig], seed: int
) -> None:
    rig, chance = make_rig(), random.Random(seed)
    n, told, triggers = 60, [], [0]
    waiting: tuple[deque[tuple[int, int]], ...] = deque(), deque()  # by camera: when it comes, and which part it is of
    for number in range(1, n + 1):
        for camera, queue in enumerate(waiting):
            queue.append((number + chance.choice([0, 0, 0, 4]), number))
            while queue and queue[0][0] <= number:  # what is late holds up what comes behind it
                which = queue.popleft()[1]
                rig.bring(camera, which, ago_ms=20.0 * (number - which))
        while (part := rig.assembler.take()) is not None:
            if chance.random() < 0.1:
                rig.replace_inspect()  # before the verdict
                continue
            told.append({view.frame_id for view in part.views if view is not None})
            if chance.random() < 0.1:
                rig.ledger.enter(Outcome.PASS, False, b"message", part.intake)
                rig.replace_inspect()  # right after it
                continue
            rig.enter(part)
        triggers.append(rig.ledger.totals().triggers)
        rig.pass_ms(20)
    for camera, queue in enumerate(waiting):
        for _, which in queue:
            rig.bring(camera, which, ago_ms=20.0 * (n + 1 - which))
    rig.pass_ms(1000)
    while (part := rig.take()) is not None:
        told.append({view.frame_id for view in part.views if view is not None})

    assert sorted(number for one in told for number in one) == list(range(1, n + 1))
    assert rig.ledger.totals().triggers == rig.ledger.seq == n
    assert triggers == sorted(triggers), "a count that falls"
    assert rig.free_slots() == [4, 4]


def test_by_count_cameras_are_in_step_after_a_pause_and_not_before(make_rig: type[Rig]) -> None:
    rig = make_rig(by="count", needs_pause=True)
    rig.bring(0, 1)  # the other camera was not armed when this part came
    assert not rig.assembler.is_in_step
    rig.pass_ms(60)
    part = rig.take()
    assert part is not None
    assert not part.is_in_step

    assert rig.take() is None  # the pause begins
    assert rig.assembler.due_ns == rig.now_ns + WAIT
    rig.pass_ms(49)
    assert rig.take() is None
    assert not rig.assembler.is_in_step
    rig.pass_ms(1)
    assert rig.take() is None

    assert rig.assembler.is_in_step
    rig.bring(0, 2)
    rig.bring(1, 102)
    part = rig.take()
    assert part is not None
    assert part.is_in_step
    assert (pixel_of(part, 0), pixel_of(part, 1)) == (2, 102)
    rig.replace_inspect()
    assert rig.assembler.is_in_step, "a killed process must not cost the step"


def test_a_part_in_the_pause_begins_it_anew(make_rig: type[Rig]) -> None:
    rig = make_rig(by="count", needs_pause=True)
    rig.take()
    rig.pass_ms(40)
    rig.bring(0, 1)
    rig.bring(1, 101)
    assert rig.take() is not None
    rig.take()
    rig.pass_ms(40)
    rig.take()

    assert not rig.assembler.is_in_step
    rig.pass_ms(20)
    rig.take()
    assert rig.assembler.is_in_step


def test_a_camera_that_is_armed_again_ends_the_step(make_rig: type[Rig]) -> None:
    rig = make_rig(by="count", needs_pause=True)
    rig.take()
    rig.pass_ms(60)
    rig.take()
    assert rig.assembler.is_in_step

    rig.arm(1)

    assert not rig.assembler.is_in_step
