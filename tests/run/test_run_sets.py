"""Which records belong together: every trigger one set, no set of two parts, whatever is lost, late or missed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.run.part import Intake
from edge_inspector.run.sets import Formed, SetRule, Sight, Waiting, next_set, without_late

MS = 1_000_000
WINDOW, WAIT = 5 * MS, 30 * MS
TIME = SetRule("time", WINDOW, WAIT, (0, 0))
COUNT = SetRule("count", WINDOW, WAIT, (0, 0))


def seen(at_ms: float) -> Sight:
    return Sight(round(at_ms * MS), True)


def lost(guess_ms: float) -> Sight:
    return Sight(round(guess_ms * MS), False)


class Rings:
    """Two rings that are filled by hand, and the sets that were formed of them."""

    def __init__(self, rule: SetRule, n: int = 2) -> None:
        self.rule = rule
        self.records: list[list[Sight]] = [[] for _ in range(n)]
        self.intake = Intake((0,) * n, (0,) * n)
        self.is_gone = [False] * n

    def look(self, camera: int, place: int) -> Sight | None:
        return self.records[camera][place] if place < len(self.records[camera]) else None

    def bring(self, camera: int, *sights: Sight) -> None:
        self.records[camera] += sights

    def form(self, now_ms: float) -> list[tuple[int, ...]]:
        """Return the sets that are formed by now: the place of each camera's record in its ring, -1 for none."""
        sets = []
        while True:
            self.intake = without_late(self.rule, self.intake, self.look, self.is_gone)
            formed = next_set(self.rule, self.intake, self.look, self.is_gone, round(now_ms * MS))
            if not isinstance(formed, Formed):
                return sets
            taken = self.intake.taken
            sets.append(tuple(at if member else -1 for at, member in zip(taken, formed.members, strict=True)))
            self.intake = formed.intake


@pytest.mark.parametrize("rule", [TIME, COUNT])
def test_two_pictures_of_one_trigger_are_a_set_at_once(rule: SetRule) -> None:
    rings = Rings(rule)
    rings.bring(0, seen(100.0))
    assert rings.form(101.0) == []
    rings.bring(1, seen(102.0))

    assert rings.form(103.0) == [(0, 0)]


@pytest.mark.parametrize("rule", [TIME, COUNT])
def test_a_set_waits_so_long_and_no_longer(rule: SetRule) -> None:
    rings = Rings(rule)
    rings.bring(1, seen(100.0))

    assert rings.form(129.9) == []
    assert next_set(rule, rings.intake, rings.look, [False, False], 101 * MS) == Waiting(130 * MS)
    assert rings.form(130.0) == [(-1, 0)]


@pytest.mark.parametrize("rule", [TIME, COUNT])
def test_nobody_is_waited_for_who_is_gone(rule: SetRule) -> None:
    rings = Rings(rule)
    rings.is_gone = [True, False]
    rings.bring(1, seen(100.0))

    assert rings.form(100.1) == [(-1, 0)]


@pytest.mark.parametrize("rule", [TIME, COUNT])
def test_what_comes_after_its_set_was_closed_is_no_set_of_its_own(rule: SetRule) -> None:
    rings = Rings(rule)
    rings.bring(0, seen(100.0))
    assert rings.form(140.0) == [(0, -1)]

    rings.bring(1, seen(100.5))
    rings.bring(0, seen(200.0))
    rings.bring(1, seen(200.5))

    assert rings.form(201.0) == [(1, 1)]


def test_by_time_a_camera_that_missed_a_trigger_is_right_again_with_the_next() -> None:
    rings = Rings(TIME)
    rings.bring(0, seen(100.0), seen(200.0), seen(300.0))
    rings.bring(1, seen(100.0), seen(300.0))

    assert rings.form(301.0) == [(0, 0), (1, -1), (2, 1)]


def test_by_time_a_lost_frame_belongs_to_the_trigger_before_the_next_picture_of_its_camera() -> None:
    rings = Rings(TIME)
    rings.bring(0, seen(100.0), seen(200.0), seen(300.0))
    rings.bring(1, seen(100.0), lost(250.0), seen(300.0))  # the guess is half a part off

    assert rings.form(301.0) == [(0, 0), (1, 1), (2, 2)]


def test_by_time_a_frame_that_all_lost_is_one_set() -> None:
    rings = Rings(TIME)
    rings.bring(0, seen(100.0), lost(210.0), seen(300.0))
    rings.bring(1, seen(100.0), lost(190.0), seen(300.0))

    assert rings.form(301.0) == [(0, 0), (1, 1), (2, 2)]


def test_by_time_a_frame_that_one_lost_and_the_other_never_saw_is_one_set() -> None:
    rings = Rings(TIME)
    rings.bring(0, seen(100.0), lost(200.0), seen(300.0))
    rings.bring(1, seen(100.0), seen(299.0))

    assert rings.form(340.0) == [(0, 0), (1, -1), (2, 1)]


def test_by_time_a_lost_frame_that_is_told_after_its_set_was_closed_is_passed_over() -> None:
    rings = Rings(TIME)
    rings.bring(0, seen(100.0))
    rings.form(140.0)
    rings.bring(0, seen(200.0))
    rings.bring(1, lost(150.0), seen(200.0))

    assert rings.form(201.0) == [(1, 1)]


def test_by_count_the_nth_belongs_to_the_nth_however_late_it_is_seen() -> None:
    rings = Rings(SetRule("count", WINDOW, 900 * MS, (0, 0)))
    rings.bring(0, seen(100.0), seen(150.0), seen(400.0))
    rings.bring(1, seen(600.0), lost(620.0), seen(700.0))

    assert rings.form(701.0) == [(0, 0), (1, 1), (2, 2)]


def test_by_count_a_picture_without_a_trigger_is_a_set_of_its_own() -> None:
    rings = Rings(COUNT)
    rings.bring(0, seen(100.0), Sight(150 * MS, True, is_extra=True), seen(200.0))
    rings.bring(1, seen(100.0), seen(200.0))

    assert rings.form(201.0) == [(0, 0), (1, -1), (2, 1)]


def test_a_camera_further_down_the_line_is_compared_by_when_it_sees_a_part() -> None:
    rings = Rings(SetRule("time", WINDOW, WAIT, (0, 250 * MS)))
    # What the assembler hands over is corrected already: both saw the part of 100 ms.
    rings.bring(0, seen(100.0), seen(200.0), seen(300.0))
    rings.bring(1, seen(101.0))

    assert rings.form(352.0) == [(0, 0)]
    assert rings.form(480.0) == [(1, -1)]  # 200 + 250 + 30


@dataclass
class Line:
    """Parts that pass, and what becomes of each at each camera."""

    fates: list[list[str]]
    """Of each part, by camera: seen, late, lost, missed."""
    jitters: list[float]
    gaps: list[float]
    arrivals: list[tuple[float, int, Sight, int]] = field(default_factory=list)
    """When it comes, camera, what, and the part it is of."""

    def __post_init__(self) -> None:
        at_ms = 1000.0
        n = len(self.fates[0])
        owed: list[list[tuple[float, int]]] = [[] for _ in range(n)]
        ready_ms = [0.0] * n  # what comes from one camera comes in order
        for part, (fates, gap) in enumerate(zip(self.fates, self.gaps, strict=True)):
            at_ms += gap
            for camera, fate in enumerate(fates):
                stamp = at_ms + self.jitters[(part * n + camera) % len(self.jitters)]
                if fate == "lost":
                    owed[camera].append((stamp, part))
                elif fate != "missed":
                    self._come(camera, stamp + (80.0 if fate == "late" else 1.0), stamp, part, owed[camera], ready_ms)
        end = at_ms + 1000.0
        for camera in range(n):  # a last part that everybody sees tells what was lost before it
            self._come(camera, end + 1.0, end, len(self.fates), owed[camera], ready_ms)
        self.arrivals.sort(key=lambda one: one[0])

    def _come(
        self, camera: int, comes: float, stamp: float, part: int, owed: list[tuple[float, int]], ready: list[float]
    ) -> None:
        comes = max(comes, ready[camera])
        for guess, which in owed:
            self.arrivals.append((comes, camera, lost(guess), which))
        owed.clear()
        self.arrivals.append((comes, camera, seen(stamp), part))
        ready[camera] = comes + 1e-3


FATES = st.sampled_from(["seen", "seen", "seen", "late", "lost", "missed"])


@st.composite
def lines(draw: st.DrawFn, cameras: int, fates: st.SearchStrategy[str] = FATES) -> Line:
    n = draw(st.integers(1, 25))
    return Line(
        [[draw(fates) for _ in range(cameras)] for _ in range(n)],
        [draw(st.floats(0.0, 2.4)) for _ in range(7)],
        [draw(st.floats(12.6, 120.0)) for _ in range(n)],
    )


def played(line: Line, rule: SetRule) -> list[list[tuple[int, int]]]:
    """Let a line's records come one by one; returns the sets, each the (camera, part) of its members."""
    n = len(line.fates[0])
    rings, parts = Rings(rule, n), [[] for _ in range(n)]  # type: ignore[var-annotated]
    sets: list[list[tuple[int, int]]] = []
    moments = sorted({comes for comes, *_ in line.arrivals} | {comes + 30.0 for comes, *_ in line.arrivals})
    waiting = list(line.arrivals)
    for now_ms in [*moments, moments[-1] + 1000.0]:
        while waiting and waiting[0][0] <= now_ms:
            _, camera, sight, part = waiting.pop(0)
            rings.bring(camera, sight)
            parts[camera].append(part)
        for places in rings.form(now_ms):
            sets.append([(camera, parts[camera][at]) for camera, at in enumerate(places) if at >= 0])
    assert [max(0, len(ring) - taken) for ring, taken in zip(rings.records, rings.intake.taken, strict=True)] == [0] * n
    return sets


@given(lines(cameras=3))
@settings(max_examples=300, deadline=None)
def test_by_time_no_set_mixes_pictures_of_two_parts_and_none_is_told_twice(line: Line) -> None:
    sets = played(line, SetRule("time", WINDOW, WAIT, (0, 0, 0)))

    fates = [*line.fates, ["seen"] * 3]
    pictured = [{part for camera, part in one if fates[part][camera] in ("seen", "late")} for one in sets]
    assert all(len(parts) <= 1 for parts in pictured)
    told = Counter(part for parts in pictured for part in parts)
    assert all(n == 1 for n in told.values())


@given(lines(cameras=2, fates=st.sampled_from(["seen", "seen", "seen", "lost"])))
@settings(max_examples=300, deadline=None)
def test_by_time_there_are_as_many_sets_as_triggers_and_whole_ones_are_whole(line: Line) -> None:
    sets = played(line, TIME)

    assert len(sets) == len(line.fates) + 1
    for part, fates in enumerate(line.fates):
        if set(fates) == {"seen"}:
            assert [(0, part), (1, part)] in sets


@given(lines(cameras=2))
@settings(max_examples=300, deadline=None)
def test_by_time_every_part_that_a_camera_saw_has_a_set(line: Line) -> None:
    sets = played(line, TIME)

    n_seen = sum(any(fate in ("seen", "late") for fate in fates) for fates in line.fates)
    n_told = sum(any(fate != "missed" for fate in fates) for fates in line.fates)
    assert n_seen <= len(sets) - 1 <= n_told


@given(lines(cameras=3, fates=st.sampled_from(["seen", "seen", "late", "lost"])))
@settings(max_examples=300, deadline=None)
def test_by_count_every_trigger_is_one_set_of_its_own_records(line: Line) -> None:
    sets = played(line, SetRule("count", WINDOW, WAIT, (0, 0, 0)))

    assert [{part for _, part in one} for one in sets] == [{part} for part in range(len(line.fates) + 1)]
