"""Limits from recall and from costs, and what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_inspector.core.errors import UsageError
from export.judge.limit import (
    STEP,
    Choice,
    check_worth,
    counts_at,
    expected_cost,
    floor_step,
    limit_for_costs,
    limit_for_recall,
    promise,
)

SCORES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60)


@given(scores=SCORES, recall=st.floats(0.5, 1.0))
def test_the_limit_keeps_its_recall_and_is_no_lower_than_it_must_be(scores: list[float], recall: float) -> None:
    values, truth = np.array(scores), np.ones(len(scores), bool)

    limit = limit_for_recall(values, truth, recall)

    assert (values.astype(np.float32) >= np.float32(limit)).mean() >= recall - 1e-9 or limit == STEP
    assert (values >= limit + 1.1 * STEP).sum() < np.ceil(recall * len(scores)) or limit == STEP


@given(bad=SCORES, sound=SCORES, ratio=st.floats(0.01, 1000), rate=st.floats(0.001, 0.5))
def test_no_other_limit_costs_less(bad: list[float], sound: list[float], ratio: float, rate: float) -> None:
    scores, truth = np.array([*bad, *sound]), np.repeat([True, False], [len(bad), len(sound)])
    choice = Choice(by="costs", escape_cost=ratio, false_reject_cost=1.0, defect_rate=rate)

    def cost(limit: float) -> float:
        counted = scores.astype(np.float32) >= np.float32(limit)
        escapes, rejects = np.array((~counted[truth]).mean()), np.array(counted[~truth].mean())
        return float(expected_cost(escapes, rejects, choice))

    best = limit_for_costs(scores, truth, choice)

    assert all(cost(best) <= cost(float(other)) + 1e-12 for other in floor_step(scores))


@given(bad=SCORES, sound=SCORES, ratio=st.floats(0.01, 1000), rate=st.floats(0.001, 0.5))
def test_a_limit_that_costs_more_than_no_inspection_is_refused(
    bad: list[float], sound: list[float], ratio: float, rate: float
) -> None:
    scores, truth = np.array([*bad, *sound]), np.repeat([True, False], [len(bad), len(sound)])
    choice = Choice(by="costs", escape_cost=ratio, false_reject_cost=1.0, defect_rate=rate)
    counted = scores.astype(np.float32) >= np.float32(limit_for_costs(scores, truth, choice))
    cost = ratio * rate * (~counted[truth]).mean() + (1 - rate) * counted[~truth].mean()

    assume(abs(cost / (ratio * rate) - 1) > 1e-6 or cost == ratio * rate)
    if cost > ratio * rate:
        with pytest.raises(UsageError, match=r"cheapest to reject no part: .*--recall"):
            check_worth(counted, truth, choice)
    else:
        check_worth(counted, truth, choice)
    check_worth(counted, truth, Choice(recall=0.9))


def test_dear_escapes_lower_the_limit_and_rare_defects_raise_it() -> None:
    chance = np.random.default_rng(0)
    scores = np.clip(np.concatenate([chance.normal(0.7, 0.2, 500), chance.normal(0.3, 0.2, 500)]), 0, 1)
    truth = np.repeat([True, False], 500)

    def limit(escape: float, rate: float) -> float:
        return limit_for_costs(scores, truth, Choice("costs", "part", 0.97, escape, 1.0, rate))

    assert limit(100, 0.1) < limit(10, 0.1) < limit(1, 0.1)
    assert limit(10, 0.3) < limit(10, 0.03) < limit(10, 0.003)


def test_the_share_of_defects_among_the_pictures_does_not_move_the_limit_from_costs() -> None:
    chance = np.random.default_rng(0)
    bad, sound = np.clip(chance.normal(0.7, 0.2, 200), 0, 1), np.clip(chance.normal(0.3, 0.2, 200), 0, 1)
    choice = Choice("costs", "part", 0.97, 20.0, 1.0, 0.02)

    limits = [
        limit_for_costs(np.concatenate([np.repeat(bad, n), sound]), np.repeat([True, False], [200 * n, 200]), choice)
        for n in (1, 7)
    ]

    assert limits[0] == limits[1]


@pytest.mark.parametrize(("truth", "word"), [(True, "sound"), (False, "defective")])
def test_costs_need_both_kinds_of_parts(truth: bool, word: str) -> None:
    choice = Choice("costs", "part", 0.97, 20.0, 1.0, 0.02)

    with pytest.raises(UsageError, match=f"no {word} part.*rows"):
        limit_for_costs(np.array([0.5]), np.array([truth]), choice)


def test_costs_without_all_three_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="--defect-rate"):
        Choice(by="costs", escape_cost=10.0, false_reject_cost=1.0)


def test_an_escape_is_a_defect_below_the_limit_and_a_false_reject_is_sound_above() -> None:
    found = counts_at(np.array([True, False, True, False, False]), np.array([True, True, False, False, False]))

    assert (found["escapes"], found["defect"], found["escape_rate"]) == (1, 2, 0.5)
    assert (found["false_rejects"], found["ok"], found["false_reject_rate"]) == (1, 3, 0.3333)


def test_without_sound_parts_no_rate_is_made_up() -> None:
    found = counts_at(np.array([True]), np.array([True]))

    assert found["false_reject_rate"] is None
    assert found["false_reject_bounds_95"] == [0.0, 1.0]


def test_a_promise_says_how_many_bad_parts_are_missing() -> None:
    found = promise(np.ones(100, bool), np.ones(100, bool), Choice(recall=0.99))

    assert found["escape_rate_at_most"] == pytest.approx(0.0295, abs=1e-4)
    assert not found["is_promised"]
    assert found["more_defects_if_none_escapes"] == 299 - 100


def test_enough_parts_promise_what_was_wanted() -> None:
    found = promise(np.ones(299, bool), np.ones(299, bool), Choice(recall=0.99))

    assert found["is_promised"]
    assert found["more_defects_if_none_escapes"] == 0


def test_a_rate_seen_above_the_wanted_is_never_promised_by_more_of_the_same() -> None:
    found = promise(np.arange(100) >= 5, np.ones(100, bool), Choice(recall=0.97))

    assert found["more_defects_at_this_rate"] is None
    assert found["more_defects_if_none_escapes"] > 100


def test_costs_come_with_bounds() -> None:
    truth = np.repeat([True, False], [50, 200])
    choice = Choice("costs", "part", 0.97, 100.0, 1.0, 0.01)

    found = promise(truth.copy(), truth, choice)

    assert found["expected_cost_per_part"] == 0
    assert found["expected_cost_bounds"][0] == 0
    assert found["expected_cost_bounds"][1] == pytest.approx(100 * 0.01 * 0.0711 + 0.99 * 0.0183, abs=1e-3)
