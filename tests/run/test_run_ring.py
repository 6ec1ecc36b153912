from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from fakes.line_memory import FRAME, frame_arrival, make_memory, make_wake_fd
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import U8, Arrival, ArrivalKind, Travel
from edge_inspector.core.verdict import Outcome
from edge_inspector.run.assemble import Assembler
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraWord, LineMemory
from edge_inspector.run.part import Intake, Part, View
from edge_inspector.run.ring import CLAIM, DONE, EvidenceBorrower, RingWriter


class Hop:
    """Both ends of a ring and the ledger between them."""

    def __init__(self, memory: LineMemory) -> None:
        self.memory, self.camera = memory, memory.cameras[0]
        self.wake_fd = make_wake_fd()
        self.writer = RingWriter(self.camera, self.wake_fd)
        self.ledger = Ledger(memory)
        self.assembler = Assembler(memory, self.wake_fd)
        self.part: Part | None = None
        self.judged: list[int] = []

    def take(self) -> View | None:
        """Return the part that is in hand, or the next one."""
        if self.part is None:
            self.part = self.assembler.take()
        return None if self.part is None else self.part.views[0]

    @property
    def part_id(self) -> int | None:
        """Number of the part in hand."""
        return None if self.part is None else self.part.part_id

    def judge(self, lend: bool = False) -> View:
        view = self.take()
        assert view is not None
        assert self.part is not None
        self.judged.append(self.part.part_id)
        self.ledger.enter(Outcome.PASS, False, b"message", self.part.intake)
        self.assembler.entered(self.part)
        self.assembler.release(0, view, lend)
        self.part = None
        return view

    def can_lend(self) -> bool:
        return self.assembler.can_lend(0)

    def replace_camera(self) -> None:
        self.writer = RingWriter(self.camera, self.wake_fd)

    def replace_inspect(self) -> None:
        self.assembler, self.part = Assembler(self.memory, self.wake_fd), None

    def close(self) -> None:
        os.close(self.wake_fd)


@pytest.fixture
def hop() -> Iterator[Hop]:
    with closing(Hop(make_memory())) as hop:
        yield hop


def test_parts_arrive_in_order_with_their_pixels_and_numbers(hop: Hop) -> None:
    for number in range(1, 4):
        hop.writer.accept(frame_arrival(number))

    for number in range(1, 4):
        part = hop.take()
        assert part is not None
        assert part.pixels is not None
        assert (hop.part_id, part.frame_id, int(part.pixels.min()), int(part.pixels.max())) == (number,) * 4
        hop.judge()
    assert hop.take() is None


def test_where_the_line_stood_arrives_with_the_part(hop: Hop) -> None:
    travel = Travel(2**32 - 1, 3, 2**40)

    hop.writer.accept(Arrival(ArrivalKind.ENCODER, 1, monotonic_ns(), "camera", travel=travel))

    part = hop.take()
    assert part is not None
    assert (part.travel, part.kind, part.trigger_source) == (travel, ArrivalKind.ENCODER, "camera")
    assert hop.camera.read(CameraWord.ENCODER_FAULTS) == 1


def test_a_picture_without_a_free_slot_is_an_overrun_with_its_own_number(hop: Hop) -> None:
    for number in range(1, 6):  # four slots
        hop.writer.accept(frame_arrival(number))

    kinds = [hop.judge().kind for _ in range(5)]

    assert kinds == [ArrivalKind.FRAME] * 4 + [ArrivalKind.OVERRUN]
    assert hop.camera.read(CameraWord.OVERRUNS) == 1


def test_triggers_that_found_the_ring_full_still_get_a_record_each(hop: Hop) -> None:
    for number in range(1, 13):  # eight records
        hop.writer.accept(frame_arrival(number))
    assert hop.camera.read(CameraWord.HEAD) == 8

    kinds = []
    for _ in range(12):
        hop.writer.settle()
        kinds.append(hop.judge().kind)

    assert hop.camera.read(CameraWord.TRIGGERS) == hop.camera.read(CameraWord.HEAD) == 12
    assert kinds[:4] == [ArrivalKind.FRAME] * 4
    assert set(kinds[4:]) == {ArrivalKind.OVERRUN}


def test_a_picture_that_comes_while_others_are_owed_keeps_its_place_in_the_order(hop: Hop) -> None:
    for number in range(1, 11):
        hop.writer.accept(frame_arrival(number))
    for _ in range(5):
        hop.judge()

    hop.writer.accept(frame_arrival(11))

    parts = [hop.judge() for _ in range(6)]
    assert hop.judged == list(range(1, 12))
    assert parts[-1].kind is ArrivalKind.FRAME
    assert parts[-1].frame_id == 11


def test_a_trigger_without_a_picture_takes_no_slot(hop: Hop) -> None:
    for number in range(1, 7):
        hop.writer.accept(Arrival(ArrivalKind.LOST, number, monotonic_ns(), "host"))

    assert [hop.judge().slot for _ in range(6)] == [-1] * 6
    assert hop.camera.read(CameraWord.FRAMES_LOST) == 6


def test_a_slot_that_was_just_given_back_is_filled_again_while_its_memory_is_in_the_caches(hop: Hop) -> None:
    slots = []
    for number in range(1, 4):
        hop.writer.accept(frame_arrival(number))
        slots.append(hop.judge().slot)

    assert slots == [0, 0, 0]


def test_evidence_gets_the_pixels_of_its_part_and_gives_the_slot_back(hop: Hop) -> None:
    hop.writer.accept(frame_arrival(7))
    part = hop.judge(lend=True)

    copy = EvidenceBorrower(hop.camera).copy(part.slot, part.generation)

    assert copy is not None
    assert int(copy.min()) == int(copy.max()) == 7
    for number in range(4):  # all four slots are free again
        hop.writer.accept(frame_arrival(number))
    assert [hop.judge().kind for _ in range(4)] == [ArrivalKind.FRAME] * 4


def test_no_more_slots_are_lent_than_evidence_may_hold(hop: Hop) -> None:
    for number in range(1, 3):
        hop.writer.accept(frame_arrival(number))
        assert hop.can_lend()
        hop.judge(lend=True)

    assert not hop.can_lend()


def test_a_camera_without_a_free_slot_takes_a_lent_one_back_and_the_borrower_notices(hop: Hop) -> None:
    hop.writer.accept(frame_arrival(1))
    lent = hop.judge(lend=True)
    for number in range(2, 6):
        hop.writer.accept(frame_arrival(number))

    assert [hop.judge().kind for _ in range(4)] == [ArrivalKind.FRAME] * 4
    assert EvidenceBorrower(hop.camera).copy(lent.slot, lent.generation) is None


def test_a_picture_that_the_camera_overwrites_during_the_copy_is_no_evidence(
    hop: Hop, monkeypatch: pytest.MonkeyPatch
) -> None:
    hop.writer.accept(frame_arrival(1))
    lent = hop.judge(lend=True)
    view = hop.camera.slot

    def taken_back_meanwhile(index: int) -> U8:
        for number in range(2, 6):
            hop.writer.accept(frame_arrival(number))
        return view(index)

    borrower = EvidenceBorrower(hop.camera)
    with monkeypatch.context() as patch:
        patch.setattr(hop.camera, "slot", lambda index: patch.undo() or taken_back_meanwhile(index))
        copy = borrower.copy(lent.slot, lent.generation)

    assert copy is None


def test_a_late_return_of_a_slot_that_was_taken_back_frees_nothing(hop: Hop) -> None:
    hop.writer.accept(frame_arrival(1))
    lent = hop.judge(lend=True)
    for number in range(2, 6):
        hop.writer.accept(frame_arrival(number))

    hop.camera.claims[lent.slot, 3] = lent.generation  # main returns what is no longer its own

    hop.writer.accept(frame_arrival(6))
    assert [hop.judge().kind for _ in range(5)] == [ArrivalKind.FRAME] * 4 + [ArrivalKind.OVERRUN]


def test_a_loan_that_main_returns_before_it_is_lent_is_free_and_not_counted(hop: Hop) -> None:
    for number in range(1, 3):
        hop.writer.accept(frame_arrival(number))
        part = hop.take() or pytest.fail("the part did not come")
        assert EvidenceBorrower(hop.camera).copy(part.slot, part.generation) is not None
        hop.judge(lend=True)

    assert hop.can_lend()
    assert hop.writer.has_room()


# What a kill of the camera process can leave behind, store by store.
def _counted(memory: LineMemory) -> None:
    memory.cameras[0].control[CameraWord.TRIGGERS] += 1


def _filling(memory: LineMemory) -> None:
    _counted(memory)
    memory.cameras[0].control[CameraWord.FILLING] = 1


def _claimed(memory: LineMemory) -> None:
    _filling(memory)
    memory.cameras[0].claims[0, CLAIM] += 1


def _recorded(memory: LineMemory) -> None:
    _claimed(memory)
    memory.cameras[0].records[0, :6] = (0, 1, monotonic_ns(), 0, 0, 1)


def _published(memory: LineMemory) -> None:
    _recorded(memory)
    memory.cameras[0].control[CameraWord.HEAD] += 1


@pytest.mark.parametrize("kill", [_counted, _filling, _claimed, _recorded])
def test_a_camera_killed_before_it_published_leaves_one_camera_lost_and_no_stuck_slot(hop: Hop, kill: object) -> None:
    kill(hop.memory)  # type: ignore[operator]

    hop.replace_camera()

    assert hop.judge().kind is ArrivalKind.CAMERA_LOST
    assert hop.take() is None
    for number in range(4):
        hop.writer.accept(frame_arrival(number))
    assert [hop.judge().kind for _ in range(4)] == [ArrivalKind.FRAME] * 4


def test_a_camera_killed_after_it_published_leaves_the_picture(hop: Hop) -> None:
    _published(hop.memory)

    hop.replace_camera()

    part = hop.take()
    assert part is not None
    assert part.kind is ArrivalKind.FRAME
    assert hop.camera.claims[0, DONE] != hop.camera.claims[0, CLAIM]  # its slot is not free yet
    hop.judge()
    assert hop.take() is None


@pytest.mark.parametrize("n_judged", [0, 1, 2])
def test_an_inspect_process_killed_between_ledger_and_release_leaves_no_stuck_slot(hop: Hop, n_judged: int) -> None:
    for number in range(1, 4):
        hop.writer.accept(frame_arrival(number))
    for n in range(1, n_judged + 1):  # killed before its place and its slot were given back, each time
        hop.ledger.enter(Outcome.PASS, False, b"message", Intake((n,), (0,)))

    hop.replace_inspect()

    kinds = [hop.judge().kind for _ in range(3 - n_judged)]
    assert kinds == [ArrivalKind.FRAME] * (3 - n_judged)
    for number in range(4):
        hop.writer.accept(frame_arrival(number))
    assert [hop.judge().kind for _ in range(4)] == [ArrivalKind.FRAME] * 4


def test_a_new_inspect_process_leaves_alone_what_the_camera_is_filling(hop: Hop) -> None:
    _claimed(hop.memory)

    hop.replace_inspect()

    assert hop.camera.claims[0, DONE] != hop.camera.claims[0, CLAIM]


STEPS = st.lists(
    st.sampled_from(["frame", "lost", "judge", "lend", "return", "camera", "inspect", "settle"]), max_size=120
)


@given(STEPS)
def test_whatever_happens_every_trigger_becomes_exactly_one_part_with_its_own_picture(steps: list[str]) -> None:
    with closing(Hop(make_memory())) as hop:
        _every_trigger_becomes_one_part(hop, steps)


def _every_trigger_becomes_one_part(hop: Hop, steps: list[str]) -> None:
    borrower = EvidenceBorrower(hop.camera)
    lent: list[tuple[int, View]] = []
    seen: list[int] = []
    n_triggers = 0
    for step in steps:
        if step in ("frame", "lost"):
            n_triggers += 1
            arrival = frame_arrival(n_triggers)
            if step == "lost":
                arrival = Arrival(ArrivalKind.LOST, n_triggers, arrival.trigger_ns, "host")
            hop.writer.accept(arrival)
        elif step in ("judge", "lend") and (view := hop.take()) is not None and hop.part_id is not None:
            part_id = hop.part_id
            if view.pixels is not None:
                assert np.array_equal(view.pixels, np.full(FRAME.hwc, part_id % 256, np.uint8))
            hop.judge(lend=step == "lend" and view.slot >= 0 and hop.can_lend())
            seen.append(part_id)
            if step == "lend" and view.slot >= 0:
                lent.append((part_id, view))
        elif step == "return" and lent:
            part_id, view = lent.pop()
            copy = borrower.copy(view.slot, view.generation)
            assert copy is None or int(copy.max()) == part_id % 256
        elif step == "camera":
            hop.replace_camera()
        elif step == "inspect":
            hop.replace_inspect()
        elif step == "settle":
            hop.writer.settle()

    while hop.ledger.totals().in_flight:
        hop.writer.settle()
        hop.judge()
        seen.append(hop.judged[-1])

    assert seen == list(range(1, n_triggers + 1))
    assert hop.ledger.totals().verdicts == n_triggers


def counted(count: int, kind: ArrivalKind = ArrivalKind.LOST) -> Arrival:
    return Arrival(kind, 1, monotonic_ns(), "camera", count=count)


def test_a_new_camera_process_goes_on_where_the_count_of_the_old_one_ended(hop: Hop) -> None:
    assert hop.writer.trigger_count() is None
    for count in (7, 8):
        hop.writer.accept(counted(count))
    hop.writer.accept(counted(-1))  # told without a count: one more than the one before

    hop.replace_camera()

    assert hop.writer.trigger_count() == 9


def test_a_trigger_that_a_killed_camera_process_counted_and_did_not_pass_on_is_not_counted_again(hop: Hop) -> None:
    hop.writer.accept(counted(7))
    hop.camera.control[CameraWord.TRIGGERS] += 1

    hop.replace_camera()

    assert hop.writer.trigger_count() == 8


def test_triggers_that_found_the_ring_full_are_counted_once_over_a_killed_camera_process(hop: Hop) -> None:
    n = len(hop.camera.records) + 3
    for count in range(1, n + 1):
        hop.writer.accept(counted(count))

    hop.replace_camera()

    assert hop.writer.trigger_count() == n
