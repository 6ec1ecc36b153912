from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Self

import pytest
from fakes.camera import FakeCamera, Step
from fakes.line_memory import FRAME, enter_next, make_memory, make_wake_fd

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import CameraLostError, CameraNotFoundError
from edge_inspector.core.frame import Arrival, ArrivalKind, Travel
from edge_inspector.run import grab
from edge_inspector.run.grab import GrabLoop
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import CameraStatus, CameraWord, Word
from edge_inspector.run.ring import RingReader, RingWriter

S = 1_000_000_000
Picture, Lost = ArrivalKind.FRAME, ArrivalKind.LOST


class WatchedCamera(FakeCamera):
    """A fake camera that calls back when it is entered and before each fetch."""

    def __init__(self, script: Sequence[Step], bench: Bench) -> None:
        super().__init__(FRAME, script)
        self._bench = bench
        self.fetches = 0
        self.refusal: Exception | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        self._bench.on_enter()
        if self.refusal is not None:
            self.left += 1  # as a real one lets go of what it had
            raise self.refusal
        return self

    def fetch(self, timeout_s: float) -> Arrival | None:
        assert 0 < timeout_s <= 0.1, "a longer wait would hold up a stop"
        self.fetches += 1
        self._bench.on_fetch()
        return super().fetch(timeout_s)


class Bench:
    """A grab loop whose sleeps, entries and fetches can be looked into."""

    def __init__(self) -> None:
        self.memory = make_memory()
        self.memory.write(Word.HEARTBEAT_NS, 1)
        self.wake_fd = make_wake_fd()
        self.writer = RingWriter(self.memory.cameras[0], self.wake_fd)
        self.on_enter: Callable[[], None] = lambda: None
        self.on_fetch: Callable[[], None] = lambda: None
        self.on_sleep: Callable[[], None] = lambda: pytest.fail("nothing to wait for here")
        self.sleeps = 0
        self.armed = 0

    def sleep(self, _seconds: float) -> None:
        self.sleeps += 1
        assert self.sleeps < 10_000, "waits for ever"
        self.on_sleep()

    def loop(self, script: Sequence[Step], can_wait: bool = False, wait_for_subscribers: int = 0) -> GrabLoop:
        self.camera = WatchedCamera(script, self)
        return GrabLoop(
            self.memory,
            self.memory.cameras[0],
            self.writer,
            self.camera,
            can_wait=can_wait,
            wait_for_subscribers=wait_for_subscribers,
            on_armed=self._note_armed,
        )

    def _note_armed(self) -> None:
        self.armed += 1

    def status(self) -> CameraStatus:
        return CameraStatus(self.memory.cameras[0].read(CameraWord.STATUS))

    def judge_one(self) -> ArrivalKind | None:
        """Do what the inspect process does with one part; None if none waits."""
        reader, ledger = RingReader(self.memory.cameras[0], self.wake_fd, Ledger(self.memory).seq), Ledger(self.memory)
        part = reader.view(ledger.seq)
        if part is None:
            return None
        enter_next(self.memory)
        reader.release(part, lend=False)
        return part.kind


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench()
    monkeypatch.setattr(grab, "time", SimpleNamespace(sleep=bench.sleep))
    yield bench
    os.close(bench.wake_fd)


def test_a_source_that_ends_leaves_every_picture_in_the_ring_and_says_ended(bench: Bench) -> None:
    bench.loop([Picture, Lost, Picture]).run()

    assert [bench.judge_one() for _ in range(4)] == [Picture, Lost, Picture, None]
    assert bench.status() is CameraStatus.ENDED
    assert (bench.camera.entered, bench.camera.left, bench.armed) == (1, 1, 1)


def test_the_camera_is_not_armed_before_somebody_judges(bench: Bench) -> None:
    bench.memory.write(Word.HEARTBEAT_NS, 0)
    loop = bench.loop([Picture])

    def wait_a_while() -> None:
        assert bench.camera.entered == 0
        assert bench.memory.cameras[0].read(CameraWord.PROGRESS_NS) > 0
        if bench.sleeps == 5:
            bench.memory.write(Word.HEARTBEAT_NS, 1)

    bench.on_sleep = wait_a_while
    loop.run()

    assert (bench.sleeps, bench.camera.entered, bench.judge_one()) == (5, 1, Picture)


def test_a_stop_before_the_first_heartbeat_leaves_the_camera_alone(bench: Bench) -> None:
    bench.memory.write(Word.HEARTBEAT_NS, 0)
    loop = bench.loop([Picture])
    bench.on_sleep = lambda: bench.memory.write(Word.STOP_CAMERA, 1)

    loop.run()

    assert (bench.camera.entered, bench.armed, bench.status()) == (0, 0, CameraStatus.DOWN)


def test_arming_may_take_half_a_minute_before_it_counts_as_hung(bench: Bench) -> None:
    seen_ns = []
    bench.memory.write(Word.HEARTBEAT_NS, 0)
    loop = bench.loop([None, None])
    bench.on_sleep = lambda: bench.memory.write(Word.HEARTBEAT_NS, 1)
    bench.on_enter = lambda: seen_ns.append(bench.memory.cameras[0].read(CameraWord.PROGRESS_NS) - monotonic_ns())
    bench.on_fetch = lambda: seen_ns.append(bench.memory.cameras[0].read(CameraWord.PROGRESS_NS) - monotonic_ns())

    loop.run()

    entering_ns, *fetching_ns = seen_ns
    assert 30 * S < entering_ns < 60 * S
    assert max(fetching_ns) <= 0


def test_an_armed_camera_has_no_more_time_than_usual(bench: Bench) -> None:
    seen: list[int] = []
    bench.on_fetch = lambda: seen.append(bench.memory.cameras[0].read(CameraWord.PROGRESS_NS))
    loop = bench.loop([Picture])
    loop._on_armed = lambda: seen.append(bench.memory.cameras[0].read(CameraWord.PROGRESS_NS))

    loop.run()

    assert max(seen) <= monotonic_ns()


def test_the_first_picture_waits_for_so_many_subscriptions_but_the_camera_is_armed(bench: Bench) -> None:
    loop = bench.loop([Picture], wait_for_subscribers=2)

    def subscribe() -> None:
        assert (bench.camera.fetches, bench.status(), bench.armed) == (0, CameraStatus.ARMED, 1)
        bench.memory.write(Word.SUBSCRIBERS, bench.sleeps)

    bench.on_sleep = subscribe
    loop.run()

    assert (bench.sleeps, bench.judge_one()) == (2, Picture)


def test_a_stop_while_subscribers_are_awaited_takes_no_picture(bench: Bench) -> None:
    loop = bench.loop([Picture], wait_for_subscribers=1)
    bench.on_sleep = lambda: bench.memory.write(Word.STOP_CAMERA, 1)

    loop.run()

    assert (bench.camera.fetches, bench.camera.left, bench.status()) == (0, 1, CameraStatus.DOWN)


def test_a_stop_is_obeyed_after_the_picture_in_hand(bench: Bench) -> None:
    loop = bench.loop([Picture] * 10)

    def stop_in_the_third() -> None:
        if bench.camera.fetches == 3:
            bench.memory.write(Word.STOP_CAMERA, 1)

    bench.on_fetch = stop_in_the_third
    loop.run()

    assert bench.camera.fetches == 3
    assert bench.memory.cameras[0].read(CameraWord.HEAD) == bench.memory.cameras[0].read(CameraWord.TRIGGERS) == 3
    assert (bench.camera.left, bench.status()) == (1, CameraStatus.DOWN)


def test_ended_is_said_only_when_every_trigger_has_its_place_in_the_ring(bench: Bench) -> None:
    loop = bench.loop([Picture] * 12)  # the ring holds 8
    heads = []

    def judge() -> None:
        assert bench.status() is CameraStatus.ARMED
        heads.append(bench.memory.cameras[0].read(CameraWord.HEAD))
        bench.judge_one()

    bench.on_sleep = judge
    loop.run()

    assert heads[0] < 12
    assert bench.memory.cameras[0].read(CameraWord.HEAD) == bench.memory.cameras[0].read(CameraWord.TRIGGERS) == 12
    assert bench.status() is CameraStatus.ENDED


def test_a_stop_while_the_end_is_settled_is_obeyed(bench: Bench) -> None:
    loop = bench.loop([Picture] * 12)
    bench.on_sleep = lambda: bench.memory.write(Word.STOP_CAMERA, 1)

    loop.run()

    assert bench.camera.left == 1
    assert bench.memory.cameras[0].read(CameraWord.TRIGGERS) == 12


def test_a_source_that_can_wait_is_held_back_and_loses_nothing(bench: Bench) -> None:
    kinds = []
    loop = bench.loop([Picture] * 30, can_wait=True)
    bench.on_sleep = lambda: kinds.append(bench.judge_one())

    loop.run()
    kinds += iter(bench.judge_one, None)

    assert kinds == [Picture] * 30
    assert bench.memory.cameras[0].read(CameraWord.OVERRUNS) == 0


def test_a_source_that_cannot_wait_overruns(bench: Bench) -> None:
    loop = bench.loop([Picture] * 6)

    loop.run()

    assert bench.memory.cameras[0].read(CameraWord.OVERRUNS) == 2  # four slots
    assert bench.memory.cameras[0].read(CameraWord.TRIGGERS) == 6


def test_a_stop_while_a_source_is_held_back_takes_no_further_picture(bench: Bench) -> None:
    loop = bench.loop([Picture] * 30, can_wait=True)
    bench.on_sleep = lambda: bench.memory.write(Word.STOP_CAMERA, 1)

    loop.run()

    assert bench.camera.fetches == 4
    assert bench.status() is CameraStatus.DOWN


def test_a_lost_camera_is_left_and_the_error_goes_on_to_who_can_replace_it(bench: Bench) -> None:
    loop = bench.loop([Picture, CameraLostError("it stopped answering")])

    with pytest.raises(CameraLostError, match="stopped answering"):
        loop.run()

    assert bench.camera.left == 1
    assert bench.status() is not CameraStatus.ENDED
    assert bench.judge_one() is Picture


def test_a_camera_that_cannot_be_used_was_never_armed(bench: Bench) -> None:
    loop = bench.loop([Picture])
    bench.camera.refusal = CameraNotFoundError("no such camera")

    with pytest.raises(CameraNotFoundError):
        loop.run()

    assert (bench.armed, bench.camera.fetches, bench.status()) == (0, 0, CameraStatus.DOWN)


def test_silence_is_progress_but_no_frame(bench: Bench) -> None:
    before_ns = monotonic_ns()

    bench.loop([None, None]).run()

    assert bench.memory.cameras[0].read(CameraWord.PROGRESS_NS) >= before_ns
    assert (
        bench.memory.cameras[0].read(CameraWord.LAST_FRAME_NS),
        bench.memory.cameras[0].read(CameraWord.TRIGGERS),
    ) == (0, 0)


def test_only_a_whole_picture_moves_the_time_of_the_last_frame(bench: Bench) -> None:
    seen_ns = []
    bench.on_fetch = lambda: seen_ns.append(bench.memory.cameras[0].read(CameraWord.LAST_FRAME_NS))

    bench.loop([Lost, Picture, Lost]).run()

    assert seen_ns[:2] == [0, 0]
    assert 0 < seen_ns[2] == seen_ns[3] == bench.memory.cameras[0].read(CameraWord.LAST_FRAME_NS)


def test_triggers_that_found_no_room_are_settled_while_the_camera_is_silent(bench: Bench) -> None:
    def judge_all_once_silent() -> None:
        if bench.camera.fetches == 11:  # ten pictures came, the ring holds 8
            assert bench.memory.cameras[0].read(CameraWord.HEAD) == 8
            while bench.judge_one() is not None:
                pass

    bench.on_fetch = judge_all_once_silent
    bench.loop([*[Picture] * 10, None]).run()

    assert [bench.judge_one() for _ in range(3)] == [ArrivalKind.OVERRUN, ArrivalKind.OVERRUN, None]


def travelled(count: int, generation: int = 0, kind: ArrivalKind = Lost) -> Arrival:
    return Arrival(kind, 1, 77, "camera", travel=Travel(count, generation, count))


def test_a_camera_that_is_armed_for_the_first_time_is_in_step(bench: Bench) -> None:
    bench.on_fetch = lambda: seen.append(bench.status())
    seen: list[CameraStatus] = []

    bench.loop([Lost]).run()

    assert set(seen) == {CameraStatus.ARMED}


def test_a_camera_that_is_armed_again_is_out_of_step_until_a_whole_picture_came(bench: Bench) -> None:
    bench.loop([]).run()
    bench.on_fetch = lambda: seen.append(bench.status())
    seen: list[CameraStatus] = []

    bench.loop([None, Lost, Picture, None, Lost]).run()  # nobody gives verdicts yet

    assert seen == [CameraStatus.RESYNCING] * 6


def test_a_line_is_in_step_again_once_the_first_whole_picture_has_its_verdict(bench: Bench) -> None:
    bench.loop([]).run()
    seen: list[CameraStatus] = []

    def judge_after_the_third() -> None:
        if bench.camera.fetches > 3:
            while bench.judge_one() is not None:
                pass
        seen.append(bench.status())

    bench.on_fetch = judge_after_the_third
    bench.loop([Picture, Lost, None, None, None]).run()

    assert seen == [CameraStatus.RESYNCING] * 4 + [CameraStatus.ARMED] * 2


def test_the_newest_believable_count_of_the_encoder_is_there_for_the_heartbeat(bench: Bench) -> None:
    bench.loop([travelled(500), travelled(-1)]).run()

    read = bench.memory.cameras[0].read
    told = read(CameraWord.ENCODER_NOW), read(CameraWord.ENCODER_NS), read(CameraWord.ENCODER_GENERATION)
    assert told == (501, 77, 0)


def test_no_count_of_a_former_generation_is_told_as_one_of_the_new(bench: Bench) -> None:
    bench.loop([travelled(500), travelled(-1, generation=1)]).run()

    assert (
        bench.memory.cameras[0].read(CameraWord.ENCODER_NOW),
        bench.memory.cameras[0].read(CameraWord.ENCODER_GENERATION),
    ) == (0, 1)


def test_places_before_and_after_a_loss_of_the_camera_are_of_two_generations(bench: Bench) -> None:
    bench.loop([travelled(500, generation=2)]).run()
    first = bench.memory.cameras[0].read(CameraWord.ENCODER_GENERATION)

    bench.loop([travelled(540)]).run()

    reader = RingReader(bench.memory.cameras[0], bench.wake_fd, Ledger(bench.memory).seq)
    parts = [reader.view(n) for n in range(2)]
    assert [part.travel.generation for part in parts if part is not None] == [first, first + 1]
    assert bench.memory.cameras[0].read(CameraWord.ENCODER_GENERATION) == first + 1


def test_what_a_predecessor_discarded_stays_counted(bench: Bench) -> None:
    bench.memory.cameras[0].write(CameraWord.DISCARDED, 5)
    loop = bench.loop([Lost])
    bench.camera.discarded = 2

    loop.run()

    assert bench.memory.cameras[0].read(CameraWord.DISCARDED) == 7


def test_a_line_without_an_encoder_stays_in_its_generation_over_a_loss_of_the_camera(bench: Bench) -> None:
    bench.loop([Lost]).run()

    bench.loop([Lost, Picture]).run()

    reader = RingReader(bench.memory.cameras[0], bench.wake_fd, Ledger(bench.memory).seq)
    assert {part.travel.generation for n in range(3) if (part := reader.view(n)) is not None} == {0}
    assert bench.memory.cameras[0].read(CameraWord.ENCODER_GENERATION) == 0


def test_a_part_without_a_place_is_of_the_present_generation(bench: Bench) -> None:
    bench.loop([travelled(500, generation=2), Lost]).run()

    part = RingReader(bench.memory.cameras[0], bench.wake_fd, Ledger(bench.memory).seq).view(1)
    assert part is not None
    assert part.travel == Travel(-1, 2, 0)


def test_a_picture_for_which_there_was_no_room_brings_no_line_into_step(bench: Bench) -> None:
    slots = bench.memory.cameras[0].layout.slots
    bench.loop([Picture] * slots).run()  # nobody judges: every slot is taken
    seen: list[CameraStatus] = []

    def judge_after_the_first() -> None:
        if seen:
            bench.judge_one()
        seen.append(bench.status())

    bench.on_fetch = judge_after_the_first
    bench.loop([Picture, *[None] * (slots + 3)]).run()

    assert bench.memory.cameras[0].read(CameraWord.OVERRUNS) == 1
    assert set(seen) == {CameraStatus.RESYNCING}
