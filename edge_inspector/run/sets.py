"""Which records of several rings are of one part. Pure.

Every record ends in exactly one set or belongs to one that was closed without it, so that each trigger has one verdict
however late, lost or missed it was at one of the cameras.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_inspector.run.part import CLOSED_SETS, Closed, Intake

_FAR = 256
"""Records that are searched for the next one with a time; so many lost in a row say nothing about order any more."""


@dataclass(frozen=True, slots=True)
class SetRule:
    """How the views of a part are found."""

    by: Literal["time", "count"]
    """`time`: what lies within the window of the earliest; `count`: the n-th of each ring."""
    window_ns: int
    """Less than half of the shortest time between two parts."""
    wait_ns: int
    """How long after its trigger a set may be completed."""
    later_ns: tuple[int, ...]
    """How much later each camera sees a part than the first."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of a record before it is taken."""

    at_ns: int
    """Its trigger, less how much later its camera sees a part; a guess where it is not timed."""
    is_timed: bool
    """False for what nobody saw: lost frames."""
    is_extra: bool = False
    """The trigger counter stood still: no trigger belongs to it."""


Look = Callable[[int, int], Sight | None]
"""From camera and place in its ring to what stands there; None where nothing has come yet."""


@dataclass(frozen=True, slots=True)
class Formed:
    """A set that gets its verdict as it is."""

    members: tuple[bool, ...]
    """Which cameras' next record belongs to it."""
    intake: Intake
    """How far the rings are taken behind it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A set of which a view may still come."""

    due_ns: int
    """When it is formed without."""


def without_late(rule: SetRule, intake: Intake, look: Look, is_gone: Sequence[bool]) -> Intake:
    """Return the intake behind the records that came after their set was closed; arguments as for `next_set`."""
    taken, owed, closed = list(intake.taken), list(intake.owed), list(intake.closed)
    for camera in range(len(taken)):
        while owed[camera] and (sight := look(camera, taken[camera])) is not None:
            if rule.by == "count":
                is_told = not sight.is_extra
            else:
                span = _span(look, camera, taken[camera], sight)
                if span is None and not is_gone[camera]:
                    break  # what it precedes is about to come
                is_told = span is None or _settle(rule, closed, camera, span)
                if sight.is_timed and sight.at_ns > max(one.last_ns for one in closed) + rule.window_ns:
                    owed[camera] = 0  # it never saw those triggers
            if not is_told:
                break
            taken[camera] += 1
            owed[camera] -= 1
    return Intake(tuple(taken), tuple(owed), tuple(closed))


def _settle(rule: SetRule, closed: list[Closed], camera: int, span: tuple[int, int]) -> bool:
    """Return whether a set that was closed without this camera was of this trigger, and note that it is settled."""
    # A lost record is strictly between its neighbours, a timed one where it is.
    slack_ns = rule.window_ns if span[0] == span[1] else -rule.window_ns - 1
    begins_ns, ends_ns = span[0] - slack_ns, span[1] + slack_ns
    for place, one in enumerate(closed):
        if one.first_ns <= ends_ns and one.last_ns >= begins_ns and not one.cameras >> camera & 1:
            closed[place] = Closed(one.first_ns, one.last_ns, one.cameras | 1 << camera)
            return True
    # Older than all that are remembered, it is taken to have had its set.
    return len(closed) == CLOSED_SETS and ends_ns < min(one.first_ns for one in closed)


def _span(look: Look, camera: int, place: int, sight: Sight) -> tuple[int, int] | None:
    """Return between which moments a record's trigger was; None while nothing is known to follow one that was lost."""
    if sight.is_timed:
        return sight.at_ns, sight.at_ns
    after_ns = _next_timed_ns(look, camera, place)
    if after_ns is None:
        return None
    before = (look(camera, back) for back in range(place - 1, max(-1, place - _FAR), -1))
    before_ns = next((one.at_ns for one in before if one is not None and one.is_timed), 0)
    return before_ns, after_ns


def next_set(
    rule: SetRule, intake: Intake, look: Look, is_gone: Sequence[bool], now_ns: int
) -> Formed | Waiting | None:
    """Return the next set; None where no record waits.

    Args:
        rule: Of the line.
        intake: From `without_late`.
        look: At the rings.
        is_gone: Cameras from which nothing more is expected now.
        now_ns: Monotonic, as the times of the records are.
    """
    heads = [_head(rule, intake, look, camera, is_gone[camera]) for camera in range(len(intake.taken))]
    for camera, head in enumerate(heads):
        if head is not None and head.is_extra:
            return _alone(camera, intake)
    if all(head is None for head in heads):
        return None
    found = _by_time(rule, intake, heads, look) if rule.by == "time" else _by_count(heads)
    if any(is_open and not gone for is_open, gone in zip(found.open, is_gone, strict=True)):
        first_ns = min(head.at_ns for head, member in zip(heads, found.members, strict=True) if member and head)
        due_ns = first_ns + max(rule.later_ns) + rule.wait_ns
        if now_ns < due_ns:
            return Waiting(due_ns)
    taken = tuple(n + member for n, member in zip(intake.taken, found.members, strict=True))
    owed = tuple(n + (not member) for n, member in zip(intake.owed, found.members, strict=True))
    return Formed(found.members, Intake(taken, owed, (*intake.closed, found.closed())[-CLOSED_SETS:]))


def _head(rule: SetRule, intake: Intake, look: Look, camera: int, is_gone: bool) -> Sight | None:
    """Return the record that a camera would bring to the next set; None where that is not known yet."""
    place = intake.taken[camera]
    sight = look(camera, place)
    if sight is None or rule.by == "count" or is_gone or not intake.owed[camera]:
        return sight
    return sight if _span(look, camera, place, sight) is not None else None


@dataclass(frozen=True, slots=True)
class _Found:
    members: tuple[bool, ...]
    open: tuple[bool, ...]
    """Cameras that may still change what the set is."""
    first_ns: int = 0
    last_ns: int = 0
    """Between these moments its trigger was; by count times say nothing."""

    def closed(self) -> Closed:
        """Return what is remembered of it."""
        return Closed(
            self.first_ns, self.last_ns, sum(1 << camera for camera, member in enumerate(self.members) if member)
        )


def _alone(camera: int, intake: Intake) -> Formed:
    members = tuple(place == camera for place in range(len(intake.taken)))
    taken = tuple(n + member for n, member in zip(intake.taken, members, strict=True))
    return Formed(members, Intake(taken, intake.owed, intake.closed))


def _by_count(heads: Sequence[Sight | None]) -> _Found:
    is_there = tuple(head is not None for head in heads)
    return _Found(is_there, tuple(not there for there in is_there))


def _by_time(rule: SetRule, intake: Intake, heads: Sequence[Sight | None], look: Look) -> _Found:
    first_ns = min((head.at_ns for head in heads if head is not None and head.is_timed), default=None)
    following = [
        _next_timed_ns(look, camera, intake.taken[camera]) if head is not None and not head.is_timed else None
        for camera, head in enumerate(heads)
    ]
    if first_ns is None:
        return _lost_everywhere(rule, intake, heads, following)
    ends_ns = first_ns + rule.window_ns
    open_ = tuple(_is_open(head, at) for head, at in zip(heads, following, strict=True))
    is_before = [at is not None and at <= ends_ns for at in following]
    if any(is_before):
        # The next picture of that camera belongs to the earliest there is, so what it lost was before.
        lost = [head if before else None for head, before in zip(heads, is_before, strict=True)]
        found = _lost_everywhere(rule, intake, lost, following)
        return _Found(found.members, open_, found.first_ns, found.last_ns)
    members = tuple(head is not None and (not head.is_timed or head.at_ns <= ends_ns) for head in heads)
    return _Found(members, open_, first_ns, first_ns)


def _is_open(head: Sight | None, after_ns: int | None) -> bool:
    """Return whether a camera may still change a set: nothing came yet, or it is not known what a loss precedes."""
    return head is None or (not head.is_timed and after_ns is None)


def _lost_everywhere(
    rule: SetRule, intake: Intake, heads: Sequence[Sight | None], following: Sequence[int | None]
) -> _Found:
    """Return the set of records that nobody saw: its trigger was after the set before, and before what follows them."""
    members = tuple(head is not None for head in heads)
    lost = [(head.at_ns, after) for head, after in zip(heads, following, strict=True) if head is not None]
    last_ns = min(guess if after is None else after - 2 * rule.window_ns - 1 for guess, after in lost)
    before = [one.last_ns for one in intake.closed if one.last_ns < last_ns]
    first_ns = min(last_ns, max(before, default=0) + 2 * rule.window_ns + 1)
    return _Found(members, tuple(not member for member in members), first_ns, last_ns)


def _next_timed_ns(look: Look, camera: int, place: int) -> int | None:
    for after in range(place + 1, place + _FAR):
        sight = look(camera, after)
        if sight is None or sight.is_timed:
            return None if sight is None else sight.at_ns
    return None
