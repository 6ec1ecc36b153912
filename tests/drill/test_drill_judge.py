"""What passes a drill and what fails it: the judging alone, on made-up observations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_inspector.drill.judge import Expected, judge
from edge_inspector.drill.seen import Acted, Arming, Beat, Heard, Record, Seen

LEASE = 1_000_000
PULLED = 10_000_000
LIMIT = Expected(LEASE + 100_000, 20_000_000)
BACK = PULLED + 3_000_000


def beat(at_us: int, head_seq: int, is_ready: bool = True, **fields: object) -> Beat:
    return replace(Beat(at_us, 7, head_seq, is_ready, True, LEASE, (), 0, 0), **fields)  # type: ignore[arg-type]


def verdict(at_us: int, seq: int, may_release: bool = True, **fields: object) -> Heard:
    whole = Heard(at_us, 7, seq, "ok" if may_release else "defect", may_release, True, True)
    return replace(whole, **fields)  # type: ignore[arg-type]


def good() -> Seen:
    """A gate that did all right: released before, disarmed when the lease ended, released when the line was back."""
    return Seen(
        pulled_us=PULLED, ended_us=BACK + 1_000_000, hold_us=100_000, was_armed=True, period_us=50_000,
        beats=[beat(PULLED - 50_000, 10), beat(BACK, 12), beat(BACK + 100_000, 13)],
        verdicts=[verdict(PULLED - 10_000, 10), verdict(BACK + 50_000, 13)],
        acts=[
            Acted(PULLED + 20_000, True, "pass", 10),
            Acted(PULLED + 500_000, False, "no_verdict", None),
            Acted(PULLED + 1_500_000, False, "not_armed", None),
            Acted(BACK + 110_000, True, "pass", 13),
        ],
        armings=[Arming(PULLED + 950_000, False, "no heartbeat"), Arming(BACK, True, "")],
        records={7: Record(7, 1, 13, 13)},
    )  # fmt: skip


def broken(seen: Seen, expected: Expected = LIMIT) -> list[str]:
    return [check.rule for check in judge(seen, expected) if not check.is_kept]


def test_a_gate_that_obeyed_passes_with_its_times() -> None:
    seen = good()

    assert broken(seen) == []
    assert (seen.disarmed_us(), seen.back_us()) == (950_000, 3_000_000)


def test_a_gate_that_disarms_late_fails_with_the_limit() -> None:
    seen = good()
    seen.armings[0] = Arming(PULLED + 1_200_000, False, "")

    assert broken(seen) == ["gate disarms"]
    assert "1200 ms, limit 1100 ms" in judge(seen, LIMIT)[0].detail


def test_what_the_witness_itself_stood_still_is_not_held_against_the_line() -> None:
    seen = good()
    seen.armings[0] = Arming(PULLED + 1_200_000, False, "")
    seen.blind_us = 150_000

    assert broken(seen) == []


def test_a_gate_that_never_disarms_passes_only_if_the_line_was_ready_again_within_the_lease() -> None:
    seen = good()
    seen.armings = []
    quick = good()
    quick.armings, quick.acts, quick.ended_us = [], [], PULLED + 1_000_000
    quick.beats = [beat(PULLED + n * 100_000, 13) for n in range(1, 11)]

    assert broken(seen) == ["gate disarms"]
    assert broken(quick) == []


def test_a_gate_that_was_not_armed_tried_nothing() -> None:
    seen = good()
    seen.was_armed = False

    assert broken(seen) == ["gate disarms"]


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (Acted(PULLED + 500_000, True, "pass", 10), "old"),
        (Acted(PULLED + 500_000, True, "pass", None), "no verdict"),
        (Acted(PULLED + 500_000, True, "pass", 99), "no verdict"),
        (Acted(BACK + 110_000, True, "pass", 14), "no PASS in time"),
        (Acted(PULLED + 1_500_000, True, "pass", 15), "last ready heartbeat was 1550 ms old"),
        (Acted(PULLED + 2_000_000, True, "pass", 16), "not ready"),
        (Acted(PULLED + 500_000, True, "pass", 17), "no verdict"),
    ],
)
def test_one_part_released_on_a_stale_word_fails_the_drill(act: Acted, why: str) -> None:
    seen = good()
    seen.beats.insert(1, beat(PULLED + 1_600_000, 12, is_ready=False))
    if act.seq == 16:
        seen.beats.insert(1, beat(PULLED + 1_550_000, 12))
    seen.verdicts += [
        verdict(BACK + 60_000, 14, may_release=False),
        verdict(PULLED + 1_480_000, 15),
        verdict(PULLED + 1_980_000, 16),
        verdict(PULLED + 480_000, 17, is_live=False),
    ]
    seen.acts.append(act)

    assert broken(seen) == ["nothing released on a stale word"]
    assert why in judge(seen, LIMIT)[1].detail


def test_a_release_before_the_pull_is_not_of_this_drill() -> None:
    seen = good()
    seen.acts.insert(0, Acted(PULLED - 900_000, True, "pass", 3))

    assert broken(seen) == []


def test_a_line_that_is_late_or_does_not_come_back_fails() -> None:
    late, never = good(), good()
    never.armings = never.armings[:1]

    assert broken(late, replace(LIMIT, back_us=2_000_000)) == ["ready again"]
    assert broken(never) == ["ready again"]


def test_a_trigger_that_is_in_no_count_fails() -> None:
    seen = good()
    seen.beats[1] = beat(BACK, 12, missing=1)

    assert broken(seen) == ["every trigger counted"]


@pytest.mark.parametrize(
    "records",
    [
        {},
        {7: Record(7, 1, 13, 12)},
        {7: Record(7, 1, 12, 12)},
        {7: Record(7, 1, 13, 13, twice=1)},
        {7: Record(7, 1, 13, 13, lost=1)},
        {7: Record(7, 1, 13, 13), 8: Record(8, 1, 3, 2)},
    ],
)
def test_a_verdict_that_is_missing_or_told_twice_fails(records: dict[int, Record]) -> None:
    seen = good()
    seen.records = records

    assert broken(seen) == ["every verdict recorded once"]


def test_a_row_told_again_after_a_kill_and_recognised_is_no_duplicate() -> None:
    seen = good()
    seen.records = {7: Record(7, 1, 13, 13, again=4)}

    assert broken(seen) == []


def test_a_new_epoch_fails_and_so_does_one_message_without_the_flag() -> None:
    anew, bare = good(), good()
    anew.beats[-1] = beat(BACK + 100_000, 13, epoch=8)
    anew.records = {7: Record(7, 1, 12, 12), 8: Record(8, 1, 13, 13)}
    bare.verdicts[-1] = verdict(BACK + 50_000, 13, is_drill=False)

    assert broken(anew) == ["the numbers go on"]
    assert broken(bare) == ["drill flag in every message"]


def test_a_reason_that_must_come_is_counted_after_the_pull_alone() -> None:
    expected = Expected(None, 20_000_000, "model_error", 2)
    seen = good()
    seen.verdicts += [
        verdict(PULLED - 5, 9, False, reason="model_error"),
        verdict(BACK + 1, 11, False, reason="model_error"),
    ]

    assert broken(seen, expected) == ["reason told"]
    seen.verdicts.append(verdict(BACK + 2, 12, False, reason="model_error"))
    assert broken(seen, expected) == []


def test_a_part_that_the_gate_never_decides_fails() -> None:
    seen = good()
    seen.parts = [(PULLED - 1, 1), (PULLED + 100_000, 2), (PULLED + 200_000, 3), (seen.ended_us - 10_000, 4)]
    seen.acts.append(Acted(PULLED + 210_000, False, "no_verdict", None, 2))

    assert broken(seen) == ["every part decided"]
    seen.acts.append(Acted(PULLED + 310_000, False, "no_verdict", None, 3))
    assert broken(seen) == []


def test_a_witness_that_looked_away_for_more_than_a_lease_passes_nothing() -> None:
    seen = good()
    seen.blind_us = LEASE + 1

    assert broken(seen) == ["watched all the time"]


def test_a_fault_that_must_be_seen_is_not_excused_by_a_line_that_was_ready_all_along() -> None:
    quick = good()
    quick.armings, quick.acts, quick.ended_us = [], [], PULLED + 1_000_000
    quick.beats = [beat(PULLED + n * 100_000, 13) for n in range(1, 11)]

    assert broken(quick, replace(LIMIT, must_disarm=True)) == ["gate disarms"]


def test_a_gate_that_says_armed_does_not_make_a_line_ready_that_is_not() -> None:
    silent, unready = good(), good()
    silent.ended_us = BACK + 100_000 + LEASE + 1
    unready.beats.append(beat(BACK + 200_000, 13, is_ready=False, faults=("camera",)))

    assert broken(silent) == ["ready again"]
    assert broken(unready) == ["ready again"]
    assert "camera" in judge(unready, LIMIT)[2].detail
