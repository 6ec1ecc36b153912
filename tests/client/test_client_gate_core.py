"""The gate's rules one by one. By chance and together they are in test_client_gate_laws.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from gate_bench import EPOCH, HELLO, LATENCY_US, SETTINGS, TRAVEL_US, Bench

from edge_inspector.client.decision import Why
from edge_inspector.client.gate_settings import GateSettings
from edge_inspector.client.wire import Flag


def outcomes(bench: Bench) -> list[dict[str, object]]:
    return [outcome.body() for outcome in bench.core.take_outcomes()]


def test_a_part_with_a_pass_of_its_own_is_released() -> None:
    bench = Bench()

    assert bench.why_one(part_id=20017) is Why.PASS
    assert outcomes(bench) == [{"seq": 1, "outcome": "released"}]
    assert (bench.core.counts.parts, bench.core.counts.released) == (1, 1)


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        ({"verdict": "REJECT", "reason": "defect", "flags": Flag.READY | Flag.REJECT}, Why.REJECT),
        ({"verdict": "UNKNOWN", "reason": "deadline", "flags": Flag.READY | Flag.REJECT}, Why.UNKNOWN),
        ({"flags": Flag.READY | Flag.REJECT}, Why.UNKNOWN),  # body and header differ: the stricter counts
        ({"verdict": "REJECT", "reason": "defect"}, Why.REJECT),
        ({"verdict": "FINE"}, Why.UNKNOWN),
        ({"reason": "because"}, Why.UNKNOWN),
        ({"flags": Flag.READY | Flag.LATE}, Why.LATE),
        ({"late": True}, Why.LATE),
        ({"flags": Flag.READY | Flag.REPLAYED}, Why.NO_VERDICT),
        ({"flags": Flag(0)}, Why.NOT_ARMED),
        ({"epoch": EPOCH + 1}, Why.NOT_ARMED),
        ({"seq": 0}, Why.NO_VERDICT),
        ({"flags": Flag.READY | Flag.SIMULATED}, Why.REFUSED),
        ({"flags": Flag.READY | Flag.DRILL}, Why.REFUSED),
        ({"flags": Flag.READY | Flag.BYPASS}, Why.REFUSED),
        ({"lag_us": 5_000}, Why.LATE),
        ({"held_us": 5_000}, Why.LATE),
        ({"latency_us": LATENCY_US + 6_000}, Why.NO_VERDICT),
        ({"latency_us": LATENCY_US - 6_000}, Why.NO_VERDICT),
        ({"latency_us": None}, Why.NO_VERDICT),
        ({"latency_us": True}, Why.NO_VERDICT),
        ({"budget_us": 80_000}, Why.LATE),  # the gate is 85 ms away by then
        ({"budget_us": 90_000}, Why.PASS),
    ],
)
def test_everything_but_a_live_pass_in_time_rejects(verdict: dict[str, Any], why: Why) -> None:
    assert Bench().why_one(**verdict) is why


@pytest.mark.parametrize(
    ("name", "flag"),
    [("believes_simulated", Flag.SIMULATED), ("believes_drill", Flag.DRILL), ("believes_bypass", Flag.BYPASS)],
)
def test_flagged_verdicts_release_only_where_the_gate_was_told_so(name: str, flag: Flag) -> None:
    settings: GateSettings = replace(SETTINGS, **{name: True})

    assert Bench(settings).why_one(flags=Flag.READY | flag) is Why.PASS


@pytest.mark.parametrize(
    "hello",
    [{"ready": False}, {"ready": 1}, {"epoch": EPOCH + 1}, {"line": "l2"}, {"schema": "insp/2"}, {"lease_ms": None}],
)
def test_without_a_proper_hello_nothing_is_released(hello: dict[str, Any]) -> None:
    assert Bench(**hello).why_one() is Why.NOT_ARMED


def test_without_hello_heartbeats_alone_do_not_arm() -> None:
    bench = Bench()
    bench.core.arming.disarm("as at the start")
    bench.beat()

    assert bench.why_one() is Why.NOT_ARMED


def test_a_hello_asked_before_the_line_was_lost_does_not_arm() -> None:
    bench = Bench()
    bench.core.arming.disarm("lost")
    bench.core.arming.asked(bench.now)
    bench.core.arming.disarm("lost again")
    bench.core.arming.answered(HELLO)
    bench.beat()

    assert not bench.core.arming.is_armed


def test_a_hello_is_worth_a_lease() -> None:
    bench = Bench()
    bench.core.arming.disarm("lost")
    bench.core.arming.asked(bench.now)
    bench.core.arming.answered(HELLO)
    bench.go(1_000_001)
    bench.beat()

    assert not bench.core.arming.is_armed


def test_a_heartbeat_that_lay_here_for_a_lease_does_not_arm() -> None:
    bench = Bench()
    bench.core.arming.disarm("lost")
    bench.core.arming.asked(bench.now)
    bench.core.arming.answered(HELLO)
    bench.beat(lease_ms=0)
    bench.go(1)
    bench.beat(lease_ms=0)

    assert bench.core.arming.check(bench.now + 1) is False


def test_a_lease_beyond_all_measure_is_cut() -> None:
    bench = Bench()
    bench.beat(lease_ms=2**62)

    assert bench.core.arming.check(bench.now + 10_000_000) is True
    assert bench.core.arming.check(bench.now + 10_000_001) is False


@pytest.mark.parametrize(
    "end",
    [
        lambda bench: bench.beat(Flag(0)),
        lambda bench: bench.beat(epoch=EPOCH + 1),
        lambda bench: bench.beat(ready=False),
        lambda bench: bench.go(1_000_001),
    ],
)
def test_when_the_line_is_lost_what_was_promised_is_worth_nothing(end: Any) -> None:
    bench = Bench(replace(SETTINGS, travel=2_000_000))
    bench.part()
    bench.go(LATENCY_US)
    bench.verdict()
    end(bench)
    bench.core.arming.check(bench.now)
    bench.core.arming.asked(bench.now)
    bench.core.arming.answered({**HELLO, "epoch": EPOCH})
    bench.beat()
    is_armed = bench.core.arming.is_armed

    assert is_armed
    assert bench.decide(2_000_000).why is Why.REFUSED


def test_nobody_at_all_rejects() -> None:
    bench = Bench()
    bench.part()

    assert bench.decide().why is Why.NO_VERDICT


def test_of_two_verdicts_for_a_part_the_stricter_counts() -> None:
    bench = Bench()
    bench.part()
    bench.go(LATENCY_US)
    bench.verdict()
    bench.verdict(verdict="REJECT", reason="defect", flags=Flag.READY | Flag.REJECT)

    assert bench.decide().why is Why.REJECT
    assert outcomes(bench) == [{"seq": 1, "outcome": "fired"}, {"seq": 2, "outcome": "fired"}]


def test_two_parts_numbers_that_fit_one_part_reject_it() -> None:
    bench = Bench()
    bench.part()
    bench.go(LATENCY_US)
    bench.verdict(part_id=1)
    bench.verdict(part_id=2)

    assert bench.decide().why is Why.AMBIGUOUS


def test_two_edges_that_fit_one_verdict_both_reject() -> None:
    bench = Bench()
    bench.part()
    bench.go(3_000)
    bench.part()
    bench.go(LATENCY_US - 3_000)
    bench.verdict()

    assert [bench.decide().why, bench.decide().why] == [Why.AMBIGUOUS, Why.AMBIGUOUS]


def test_a_missed_verdict_does_not_move_the_others() -> None:
    bench = Bench()
    whys = []
    for part_id in (1, 2, 3):
        bench.part()
        bench.go(LATENCY_US)
        if part_id != 2:
            bench.verdict(part_id=part_id)
        whys.append(bench.decide())

    assert [each.part_id for each in whys] == [1, None, 3]
    assert [each.release for each in whys] == [True, False, True]


def test_a_program_that_was_too_slow_does_not_act() -> None:
    bench = Bench()
    bench.part()
    bench.go(LATENCY_US)
    bench.verdict()
    bench.go(TRAVEL_US - LATENCY_US + 1)

    assert [each.why for each in bench.core.due(bench.now)] == [Why.LATE]
    assert outcomes(bench) == [{"seq": 1, "outcome": "late"}]


@pytest.mark.fault(
    48,
    injected="a PASS that comes after its part was decided",
    seen="not acted on; outcome `late`",
    noticed="with the part",
)
def test_a_verdict_after_its_part_was_decided_is_late_and_one_without_a_part_missed() -> None:
    bench = Bench()
    bench.part()
    bench.decide()
    bench.verdict(latency_us=TRAVEL_US - 5_000)
    bench.verdict(latency_us=30_000)
    bench.go(50_000)
    bench.core.due(bench.now)

    assert outcomes(bench) == [{"seq": 1, "outcome": "late"}, {"seq": 2, "outcome": "missed"}]
    assert bench.core.settled_upto() == 2


def test_what_waits_is_not_settled() -> None:
    bench = Bench()
    for part_id in (1, 2):
        bench.part()
        bench.go(LATENCY_US)
        bench.verdict(part_id=part_id)
        bench.go(LATENCY_US)

    assert bench.core.settled_upto() == 0
    bench.decide()
    assert bench.core.settled_upto() == 1


@pytest.mark.parametrize(("limits", "n"), [({"stop_after_missing": 3}, 3), ({"stop_after_rejects": 5}, 5)])
def test_too_many_in_a_row_ask_for_a_stop_until_a_person_resets_it(limits: dict[str, int], n: int) -> None:
    bench = Bench(replace(SETTINGS, **limits))
    for i in range(n):
        assert not bench.core.stop.is_asked, i
        bench.part()
        bench.decide()
    asked = bench.core.stop.is_asked
    bench.core.stop.reset()

    assert asked
    assert not bench.core.stop.is_asked


def test_a_released_part_begins_the_counts_for_a_stop_anew() -> None:
    bench = Bench(replace(SETTINGS, stop_after_missing=2, stop_after_rejects=2))
    for i in range(6):
        if i % 2:
            assert bench.why_one() is Why.PASS
        else:
            bench.part()
            bench.decide()

    assert not bench.core.stop.is_asked


def test_a_clock_that_jumps_rejects_for_a_moment_and_never_releases_wrongly() -> None:
    bench = Bench()
    jumped = bench.why_one(lag_us=-3_600_000_000)  # an hour forwards

    assert jumped is Why.LATE


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"window": 0}, "window is 0"),
        ({"ahead": 0}, "ahead is 0"),
        ({"ahead": TRAVEL_US + 1}, "at most travel"),
        ({"least": SETTINGS.ahead}, "below ahead"),
        ({"least": -1}, "least is -1"),
        ({"margin_us": -1}, "margin_us"),
        ({"counts_per_camera_count": 0.0}, "counts_per_camera_count"),
        ({"stop_after_missing": 0}, "stop_after_missing is 0"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        replace(SETTINGS, **change)


def test_a_gate_with_an_encoder_needs_the_count_of_each_edge() -> None:
    bench = Bench(replace(SETTINGS, match="encoder"))

    with pytest.raises(ValueError, match="count latched at the edge"):
        bench.part()


def test_a_belt_that_runs_backwards_rejects_what_waits() -> None:
    bench = Bench(replace(SETTINGS, travel_by="encoder", travel=1_000, ahead=100))
    bench.part(enc=5_000.0)
    bench.go(LATENCY_US)
    bench.verdict()
    bench.core.encoder(bench.now, 0.0)

    assert [each.why for each in bench.core.due(bench.now)] == [Why.ENCODER]


def test_the_oldest_part_is_rejected_when_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.client.gate_parts.MAX_PARTS", 2)
    bench = Bench()
    for _ in range(3):
        bench.part()
        bench.go(LATENCY_US)
        bench.verdict()

    assert [each.why for each in bench.core.due(bench.now)] == [Why.OVERFLOW]


def test_a_verdict_from_before_arming_releases_nothing_however_it_comes() -> None:
    bench = Bench(ready=False)
    bench.core.arming.asked(bench.now)
    bench.core.arming.answered(HELLO)
    bench.seq = 5
    bench.beat()

    assert bench.core.arming.is_armed
    assert bench.why_one(seq=5) is Why.NO_VERDICT


BY_ENCODER = replace(SETTINGS, travel_by="encoder", travel=1_000, ahead=100)


@pytest.mark.parametrize(
    ("count", "why"),
    [(5_899.0, None), (5_900.0, Why.PASS), (5_974.0, Why.PASS), (5_975.0, Why.LATE), (6_000.0, Why.LATE)],
)
def test_by_encoder_it_acts_before_the_part_is_at_the_gate_and_not_after(count: float, why: Why | None) -> None:
    bench = Bench(BY_ENCODER)
    bench.part(enc=5_000.0)
    bench.go(LATENCY_US)
    bench.verdict()
    bench.core.encoder(bench.now, count)

    assert [each.why for each in bench.core.due(bench.now)] == [why] * (why is not None)


@pytest.mark.fault(
    48,
    injected="a PASS with too little of its time left",
    seen="rejects",
    noticed="with the part",
)
@pytest.mark.parametrize(
    ("least", "left_us", "why"), [(None, 1_250, Why.PASS), (None, 1_249, Why.LATE), (0, 0, Why.PASS)]
)
def test_by_time_nothing_is_released_when_too_little_is_left(least: int | None, left_us: int, why: Why) -> None:
    bench = Bench(replace(SETTINGS, least=least))
    bench.part()
    bench.go(LATENCY_US)
    bench.verdict()
    bench.beat()
    bench.go(TRAVEL_US - LATENCY_US - left_us)

    assert [each.why for each in bench.core.due(bench.now)] == [why]


@pytest.mark.parametrize(
    ("fire_enc", "modulus", "count", "why"),
    [
        (2_500, 0, 5_399.0, None),
        (2_500, 0, 5_400.0, Why.PASS),
        (2_500, 0, 5_474.0, Why.PASS),
        (2_500, 0, 5_475.0, Why.LATE),  # too little is left to act
        (300, 2_200, 5_400.0, Why.PASS),  # the camera's counter wraps on the way
        (9_000, 0, 5_900.0, Why.REFUSED),  # no place of this gate
        (1_900, 0, 5_900.0, Why.REFUSED),  # behind the camera
    ],
)
def test_the_place_that_the_line_gives_overrides_the_gates_own(
    fire_enc: int, modulus: int, count: float, why: Why | None
) -> None:
    bench = Bench(BY_ENCODER)
    bench.part(enc=5_000.0)
    bench.go(LATENCY_US)
    bench.verdict(fire_enc=fire_enc, enc_trigger=2_000, enc_modulus=modulus)
    bench.core.encoder(bench.now, count)

    assert [each.why for each in bench.core.due(bench.now)] == [why] * (why is not None)
