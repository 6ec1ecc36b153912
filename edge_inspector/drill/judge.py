"""Pass or fail: what was seen, against what the laws of the wire protocol ask for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from edge_inspector.drill.seen import Acted, Beat, Seen

SLACK_US = 100_000
"""One heartbeat: readiness changes with the next one."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What must happen after a plug was pulled. Times in µs."""

    disarm_us: int | None = None
    """The gate must have disarmed by then, or heard ready heartbeats all along; None: it need not."""
    back_us: int = 60_000_000
    """The gate must be armed again by then."""
    reason: str = ""
    """Of verdicts that must come; empty for any."""
    at_least: int = 0
    """So many of them."""
    must_disarm: bool = False
    """What is pulled cannot be over within the lease: a gate that stayed armed saw nothing, or heard nothing."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule."""

    rule: str
    is_kept: bool
    detail: str
    """What was seen, with numbers and the limit."""


def judge(seen: Seen, expected: Expected) -> list[Check]:
    """Return every rule with what was seen of it; the drill is passed when all are kept."""
    checks = [_disarmed(seen, expected), _stale(seen), _back(seen, expected), _conserved(seen), _recorded(seen)]
    checks += [_same_epoch(seen), _flagged(seen), _decided(seen), _watched(seen)]
    if expected.reason:
        n = seen.reasons().get(expected.reason, 0)
        detail = f"{n} verdicts with reason {expected.reason}, at least {expected.at_least} expected"
        checks.append(Check("reason told", n >= expected.at_least, detail))
    return checks


def _disarmed(seen: Seen, expected: Expected) -> Check:
    rule, took_us = "gate disarms", seen.disarmed_us()
    if not seen.was_armed:
        return Check(rule, False, "the gate was not armed when the plug was pulled: nothing was tried")
    if expected.disarm_us is None:
        return Check(rule, True, "need not" if took_us is None else f"after {ms(took_us)}, need not")
    limit_us = expected.disarm_us + seen.blind_us
    if took_us is not None:
        return Check(rule, took_us <= limit_us, f"after {ms(took_us)}, limit {ms(limit_us)}")
    silent_us = _longest_unready_us(seen)
    if expected.must_disarm:
        return Check(rule, False, f"never; the longest time without a ready heartbeat was {ms(silent_us)}")
    if silent_us <= limit_us:
        return Check(rule, True, f"not needed: the line was ready again after {ms(silent_us)}, limit {ms(limit_us)}")
    return Check(rule, False, f"never, although the line was not ready for {ms(silent_us)}; limit {ms(limit_us)}")


def _longest_unready_us(seen: Seen) -> int:
    moments = [seen.pulled_us, *(b.at_us for b in seen.beats if b.is_ready and b.at_us > seen.pulled_us), seen.ended_us]
    return max(later - sooner for sooner, later in pairwise(moments))


def _stale(seen: Seen) -> Check:
    rule = "nothing released on a stale word"
    acts = [act for act in seen.acts if act.at_us >= seen.pulled_us]
    for act in acts:
        if act.is_release and (why := _why_stale(act, seen)):
            return Check(rule, False, f"{ms(act.at_us - seen.pulled_us)} after the pull a part was released: {why}")
    released = sum(act.is_release for act in acts)
    return Check(
        rule, True, f"{len(acts) - released} parts rejected, {released} released on a live PASS of a ready line"
    )


def _why_stale(act: Acted, seen: Seen) -> str:
    tolerance_us = SLACK_US // 2 + seen.blind_us
    heard = [v for v in seen.verdicts if v.seq == act.seq and v.is_live and v.at_us <= act.at_us + tolerance_us]
    if not heard:
        return "no verdict had come for it"
    if not all(verdict.may_release for verdict in heard):
        return f"its verdict, seq {act.seq}, was no PASS in time"
    age_us = act.at_us - heard[-1].at_us
    if age_us > seen.hold_us + tolerance_us:
        return f"its verdict, seq {act.seq}, was {ms(age_us)} old"
    return _why_unready(act, [beat for beat in seen.beats if beat.at_us <= act.at_us + tolerance_us], tolerance_us)


def _why_unready(act: Acted, beats: list[Beat], tolerance_us: int) -> str:
    ready = [beat for beat in beats if beat.is_ready]
    if not ready:
        return "no ready heartbeat had come"
    if (age_us := act.at_us - ready[-1].at_us) > ready[-1].lease_us + tolerance_us:
        return f"the last ready heartbeat was {ms(age_us)} old, the lease is {ms(ready[-1].lease_us)}"
    if any(ready[-1].at_us < beat.at_us < act.at_us - tolerance_us for beat in beats):
        return "the newest heartbeat said: not ready"
    return ""


def _back(seen: Seen, expected: Expected) -> Check:
    took_us, limit_us = seen.back_us(), expected.back_us + seen.blind_us
    if took_us is None:
        last = seen.beats[-1] if seen.beats else None
        faults = ", ".join(last.faults) if last is not None and last.faults else "no word of the line"
        return Check("ready again", False, f"not within {ms(limit_us)}: {faults}")
    if (why := _why_not_ready(seen)) is not None:
        return Check("ready again", False, f"the gate is armed, and {why}")
    return Check(
        "ready again", took_us <= limit_us, f"after {ms(took_us)}, limit {ms(limit_us)}" if took_us else "always"
    )


def _why_not_ready(seen: Seen) -> str | None:
    """Return why the line itself is not ready at the end, whatever the gate says; None when it is."""
    last = seen.beats[-1] if seen.beats else None
    if last is None or seen.ended_us - last.at_us > last.lease_us + seen.blind_us:
        return "the line is silent"
    return None if last.is_ready else f"the line says not ready: {', '.join(last.faults) or 'no fault named'}"


def _decided(seen: Seen) -> Check:
    """A gate that says nothing of a part is no gate that rejects it."""
    tolerance_us = SLACK_US + seen.blind_us
    due = {n for at_us, n in seen.parts if seen.pulled_us <= at_us < seen.ended_us - seen.hold_us - tolerance_us}
    left = len(due - {act.part for act in seen.acts})
    return Check("every part decided", not left, f"{len(due)} parts came to the gate, {left} without a decision")


def _watched(seen: Seen) -> Check:
    """What the witness did not see it cannot judge; its pauses are allowed for up to a lease, and not beyond."""
    lease_us = max((beat.lease_us for beat in seen.beats), default=0)
    detail = f"its longest pause was {ms(seen.blind_us)}, limit {ms(lease_us)}"
    return Check("watched all the time", seen.blind_us <= lease_us, detail)


def _conserved(seen: Seen) -> Check:
    wrong = [beat for beat in seen.beats if beat.missing]
    if wrong:
        return Check("every trigger counted", False, f"{wrong[0].missing} triggers are in no count of a heartbeat")
    left = seen.beats[-1].in_flight if seen.beats else 0
    return Check(
        "every trigger counted", bool(seen.beats), f"{len(seen.beats)} heartbeats add up, {left} parts in flight"
    )


def _recorded(seen: Seen) -> Check:
    rule = "every verdict recorded once"
    if not seen.beats:
        return Check(rule, False, "no heartbeat was heard")
    last = seen.beats[-1]
    record = seen.records.get(last.epoch)
    if record is None:
        return Check(rule, not last.head_seq, f"the subscriber has nothing of epoch {last.epoch:08x}")
    broken = [each for each in seen.records.values() if not each.is_whole]
    detail = f"seq {record.first} to {record.last} of {last.head_seq}"
    for each in broken:
        detail += f"; epoch {each.epoch:08x}: {each.rows} rows, {each.twice} twice, {each.lost} not to be had"
    return Check(rule, not broken and record.last >= last.head_seq, detail)


def _same_epoch(seen: Seen) -> Check:
    epochs = list(dict.fromkeys(beat.epoch for beat in seen.beats))
    return Check("the numbers go on", len(epochs) == 1, "epoch " + ", then ".join(f"{epoch:08x}" for epoch in epochs))


def _flagged(seen: Seen) -> Check:
    # The successor of what was killed must say so too, from its first message.
    said = [(beat.at_us, beat.is_drill) for beat in seen.beats]
    said += [(verdict.at_us, verdict.is_drill) for verdict in seen.verdicts if verdict.is_live]
    flags = [is_drill for at_us, is_drill in said if at_us >= seen.pulled_us]
    bare = flags.count(False)
    return Check("drill flag in every message", not bare, f"{len(flags)} messages, {bare} without")


def ms(us: int) -> str:
    """Return a time for people."""
    return f"{us / 1000:.0f} ms" if us < 10_000_000 else f"{us / 1e6:.1f} s"
