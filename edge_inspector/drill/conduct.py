"""Runs drills one after the other: wait until the line is ready, pull, watch, put back, judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_inspector.core.errors import EdgeInspectorError
from edge_inspector.drill.judge import Check, Expected, judge
from edge_inspector.drill.plugs import Plug
from edge_inspector.drill.recorder import records
from edge_inspector.drill.scene import Scene
from edge_inspector.drill.seen import Seen
from edge_inspector.drill.witness import now_us

BEFORE_S = 1.0
"""So long it is watched before the pull, and after the line is back."""
RECORD_S = 15.0
"""The subscriber must have everything that was missed by then."""
HB_S = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One drill of the report."""

    name: str
    what: str
    checks: tuple[Check, ...]
    not_run: str = ""
    """Why it was not run; empty when it was."""
    disarmed_us: int | None = None
    back_us: int | None = None
    released: int = 0
    rejected: int = 0
    reasons: tuple[tuple[str, int], ...] = ()
    epoch: int = 0

    @property
    def is_passed(self) -> bool:
        """Whether it was run and every rule was kept."""
        return not self.not_run and all(check.is_kept for check in self.checks)

    @property
    def result(self) -> str:
        """In a word."""
        return "not run" if self.not_run else "pass" if self.is_passed else "FAIL"


def conduct(scene: Scene, plugs: Sequence[Plug], tell: Callable[[str], None]) -> list[Row]:
    """Run drills; returns one row each. A plug that was pulled is put back whatever happens.

    Args:
        scene: Of the line.
        plugs: What to pull.
        tell: Told how it goes, for a person.
    """
    rows = []
    for plug in plugs:
        tell(f"{plug.name}: waiting until the line is ready")
        row = _run(scene, plug, tell)
        tell(f"{plug.name}: {row.result}" + (f", {row.not_run}" if row.not_run else ""))
        rows.append(row)
    return rows


def wait_ready(scene: Scene, timeout_s: float) -> bool:
    """Watch until the gate is armed on a ready line in drill mode; False when it is not within the time."""
    witness = scene.witness

    def is_ready() -> bool:
        beat = witness.beat
        if not witness.is_armed or beat is None or now_us() - beat.at_us > beat.lease_us:
            return False  # the line's own word must be fresh too, whatever the gate makes of it
        return beat.is_ready and beat.is_drill

    return witness.watch(is_ready, timeout_s)


def _run(scene: Scene, plug: Plug, tell: Callable[[str], None]) -> Row:
    witness = scene.witness
    witness.begin()
    if not wait_ready(scene, scene.back_us / 1e6):
        return _failed(plug, Check("ready before", False, _why_not_before(scene)))
    try:
        refusal = plug.refusal(scene)
    except EdgeInspectorError as error:
        return _failed(plug, Check("ready before", False, str(error)))
    if refusal:
        return Row(plug.name, plug.what, (), not_run=refusal)
    witness.begin()
    witness.watch_for(BEFORE_S)
    expected = plug.expected(scene)
    tell(f"{plug.name}: pulled: {plug.what}")
    try:
        witness.mark()
        plug.pull(scene)
        _watch(scene, expected)
        why = plug.why_not_pulled(scene)
    except EdgeInspectorError as error:  # the daemon is gone, or refuses: what was found before is still told
        return _failed(plug, Check("plug pulled", False, str(error)))
    finally:
        plug.put_back(scene)
    seen = witness.seen
    _settle_record(scene)
    return _row(plug, seen, [Check("plug pulled", not why, why or plug.what), *judge(seen, expected)])


def _failed(plug: Plug, check: Check) -> Row:
    return Row(plug.name, plug.what, (check,))


def _why_not_before(scene: Scene) -> str:
    witness, beat = scene.witness, scene.witness.beat
    if not witness.is_armed:
        return f"the gate is not armed: {witness.why}"
    if beat is None or not beat.is_ready:
        return "the line is not ready"
    return "the line is no longer in drill mode: its time is over, or somebody ended it"


def _watch(scene: Scene, expected: Expected) -> None:
    """Watch until the line is back, or will not be."""
    witness = scene.witness
    seen = witness.seen

    def is_told() -> bool:
        is_enough = not expected.reason or seen.reasons().get(expected.reason, 0) >= expected.at_least
        return is_enough and (expected.disarm_us is None or seen.disarmed_us() is not None)

    # What should have been seen by now decides; a line that was quick enough to come back in time needs no disarming.
    witness.watch(is_told, (expected.disarm_us or expected.back_us) / 1e6 + HB_S)
    if wait_ready(scene, max(0.0, (expected.back_us - (now_us() - seen.pulled_us)) / 1e6)):
        witness.watch_for(BEFORE_S)
        wait_ready(scene, max(0.0, (expected.back_us - (now_us() - seen.pulled_us)) / 1e6))
    seen.ended_us = now_us()


def _settle_record(scene: Scene) -> None:
    """Watch until the subscriber has what the last heartbeat named, which is then the last that counts."""
    seen = scene.witness.seen
    last = seen.beats[-1] if seen.beats else None

    def has_all() -> bool:
        record = records(scene.records).get(last.epoch) if last is not None else None
        return record is not None and last is not None and record.last >= last.head_seq

    n_beats, n_acts, n_armings = len(seen.beats), len(seen.acts), len(seen.armings)
    scene.witness.watch(has_all, RECORD_S)
    seen.records = records(scene.records)
    del seen.beats[n_beats:], seen.acts[n_acts:], seen.armings[n_armings:]


def _row(plug: Plug, seen: Seen, checks: list[Check]) -> Row:
    acts = [act for act in seen.acts if act.at_us >= seen.pulled_us]
    released = sum(act.is_release for act in acts)
    return Row(
        plug.name, plug.what, tuple(checks), "", seen.disarmed_us(), seen.back_us(), released, len(acts) - released,
        tuple(sorted(seen.reasons().items())), seen.beats[-1].epoch if seen.beats else 0,
    )  # fmt: skip
