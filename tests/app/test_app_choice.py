"""What is recommended, and what is refused, by the figures alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.app.choice import SURELY, Labels, allowed, is_surely_faster, recommended, reference_of, remarks
from edge_inspector.app.trial import Facts, Spread, Standing, Trial, Turn, ratio
from edge_inspector.core.verdict import Outcome
from edge_inspector.infer.candidates import Candidate

FACTS = Facts(0.1, 0.2, 0.01, 100.0, 7, (7,))
PASS, REJECT, UNKNOWN = Outcome.PASS, Outcome.REJECT, Outcome.UNKNOWN
CPU, CPU8, OV, OV8 = (Candidate(*name.split()) for name in ("cpu fp32", "cpu int8", "openvino fp32", "openvino int8"))
RATE = st.floats(1.0, 1000.0)


def trial(
    candidate: Candidate, rates: Sequence[float], standing: Standing = Standing.PROVEN, outcomes: Sequence[Outcome] = ()
) -> Trial:
    """Return a candidate that judged so many parts a second, round by round."""
    turns = tuple(Turn(100, 100 / rate, (round(1e6 / rate),) * 100) for rate in rates)
    return Trial(candidate, standing, "" if standing is Standing.PROVEN else "why", FACTS, turns, tuple(outcomes))


def choice(*trials: Trial) -> Candidate | None:
    found = recommended(trials)
    return None if found is None else found.candidate


def test_the_fastest_is_recommended() -> None:
    assert choice(trial(CPU, [10] * 5), trial(CPU8, [20] * 5), trial(OV8, [30] * 5)) == OV8


def test_what_is_faster_by_less_than_the_noise_is_not_worth_another_library() -> None:
    assert choice(trial(CPU, [10] * 5), trial(OV, [10.4] * 5)) == CPU
    assert choice(trial(CPU, [10] * 5), trial(CPU8, [20] * 5), trial(OV8, [20.9] * 5)) == CPU8


def test_what_is_faster_only_now_and_then_is_not_surely_faster() -> None:
    steady, wild = trial(CPU, [10] * 8), trial(CPU8, [9, 20, 9, 20, 9, 20, 9, 20])

    assert not is_surely_faster(wild, steady)
    assert choice(steady, wild) == CPU


def test_noise_that_falls_on_both_alike_changes_nothing() -> None:
    noise = [1.0, 0.3, 0.9, 0.5, 1.0, 0.2, 0.7, 1.0]

    assert choice(trial(CPU, [10 * each for each in noise]), trial(CPU8, [12 * each for each in noise])) == CPU8


@pytest.mark.parametrize("standing", [Standing.REFUSED, Standing.ABSENT, Standing.FAILED])
def test_what_is_not_proven_is_not_recommended_however_fast_it_was(standing: Standing) -> None:
    assert choice(trial(CPU, [10] * 3), trial(CPU8, [99] * 3, standing)) == CPU
    assert choice(trial(CPU, [10] * 3, standing), trial(CPU8, [99] * 3, standing)) is None


def test_without_the_reference_the_simplest_that_is_proven_takes_its_place() -> None:
    trials = [trial(CPU, [], Standing.REFUSED), trial(CPU8, [9] * 3), trial(OV, [8] * 3)]

    reference = reference_of(trials)
    assert reference is not None
    assert (reference.candidate, choice(*trials)) == (CPU8, CPU8)
    assert reference_of(trials[:1]) is None


@given(st.lists(st.lists(RATE, min_size=5, max_size=5), min_size=1, max_size=6))
def test_nothing_is_surely_faster_than_what_is_recommended_and_nothing_simpler_is_as_good(
    rates: list[list[float]],
) -> None:
    trials = [trial(Candidate("cpu", f"p{place}"), of_one) for place, of_one in enumerate(rates)]
    fastest = max(trials, key=lambda one: one.tiles_per_s)

    found = recommended(trials)

    assert found is not None
    assert not is_surely_faster(fastest, found)
    assert all(is_surely_faster(fastest, simpler) for simpler in trials[: trials.index(found)])


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ([5.7] * 5, "int8 is slower here on cpu: 0.57x of fp32 (0.57 to 0.57 in half of 5 rounds)"),
        ([10.2] * 5, "int8 is not surely faster here on cpu: 1.02x of fp32"),
        ([20] * 5, None),
    ],
)
def test_int8_that_is_not_worth_it_is_named(rates: list[float], words: str | None) -> None:
    said = list(remarks([trial(CPU, [10] * 5), trial(CPU8, rates), trial(OV8, [50] * 5)]))

    assert said == [] if words is None else words in said[0]


def labels(*is_ok: bool) -> Labels:
    return Labels(tuple(f"{'OK' if one else 'DEFECT'}/{at}.png" for at, one in enumerate(is_ok)), is_ok)


def test_a_defect_that_only_the_reference_rejects_is_one_too_many() -> None:
    many = labels(*[True] * 999, False)
    exact = trial(CPU, [10] * 3, outcomes=[PASS] * 999 + [REJECT])
    other = trial(CPU8, [20] * 3, outcomes=[PASS] * 1000)

    _, judged = allowed([exact, other], many)

    assert (judged.standing, choice(exact, judged)) == (Standing.REFUSED, CPU)
    assert "DEFECT/999.png" in judged.why


def test_a_defect_that_the_reference_lets_through_too_is_nobody_s_fault() -> None:
    exact, other = (trial(one, [10] * 3, outcomes=[PASS, PASS]) for one in (CPU, CPU8))

    assert [one.standing for one in allowed([exact, other], labels(True, False))] == [Standing.PROVEN] * 2


@pytest.mark.parametrize(("flips", "standing"), [(5, Standing.PROVEN), (6, Standing.REFUSED)])
def test_half_a_percent_of_the_verdicts_may_change(flips: int, standing: Standing) -> None:
    exact = trial(CPU, [10] * 3, outcomes=[PASS] * 1000)
    other = trial(CPU8, [20] * 3, outcomes=[REJECT] * flips + [PASS] * (1000 - flips))

    _, judged = allowed([exact, other], labels(*[True] * 1000))

    assert judged.standing is standing
    assert ("OK/0.png (and 5 more)" in judged.why) is (standing is Standing.REFUSED)


def test_unknown_rejects_like_reject() -> None:
    marked = labels(True, False, False)
    exact = trial(CPU, [10], outcomes=[PASS, REJECT, PASS])

    counted = marked.counted(trial(CPU8, [10], outcomes=[UNKNOWN, UNKNOWN, UNKNOWN]), exact)

    assert (counted.escapes, counted.false_rejects, counted.flips) == (0, 1, ("OK/0.png", "DEFECT/2.png"))


def test_a_spread_holds_half_of_the_rounds() -> None:
    assert Spread.of([1.0, 2.0, 3.0, 4.0, 5.0]) == Spread(3.0, 2.0, 4.0, 5)
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0, 1)
    assert ratio(trial(CPU, []), trial(CPU8, [1])) is None
    assert SURELY > 1


def test_percentiles_are_of_parts_that_were_timed() -> None:
    one = Trial(CPU, Standing.PROVEN, "", FACTS, (Turn(3, 1.0, (1000, 2000, 3000)), Turn(1, 1.0, (90_000,))))

    assert (one.part_ms(0.5), one.part_ms(0.99), one.n_parts, one.tiles_per_s) == (3.0, 90.0, 4, 14.0)
