"""What holds for the rules of zones whatever was drawn and whatever the model says."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers
from zone_samples import CORNERS, MARGIN, SHAPE, TILE, limit_rules, results_of, zone_rules

from edge_inspector.core.verdict import Outcome
from edge_inspector.decide.evidence import tile_scores, weakened
from edge_inspector.decide.rules import judge
from edge_inspector.decide.zones import ZoneRules, judge_zones

HEAT = numbers.arrays(np.float32, SHAPE, elements=st.floats(-8, 30, width=16))
CELLS = numbers.arrays(np.bool_, SHAPE)
LIMIT = st.floats(0.02, 0.98)
COUNT = st.integers(1, 3)


def _rules(
    first: np.ndarray, second: np.ndarray, inspected: np.ndarray, limits: tuple[float, float, float], count: int
) -> ZoneRules:
    """Two named zones that may overlap, and the rest."""
    zones = [
        ("one", limit_rules(limits[0], min_defect_tiles=count), first),
        ("two", limit_rules(limits[1]), second),
        ("rest", limit_rules(limits[2], min_defect_tiles=count), ~first & ~second),
    ]
    return zone_rules(*zones, inspected=inspected)


def _outcome(heat: np.ndarray, rules: ZoneRules) -> Outcome:
    return judge_zones(results_of(heat), CORNERS, TILE, rules).outcome


@given(HEAT, HEAT, CELLS, CELLS, CELLS, st.tuples(LIMIT, LIMIT, LIMIT), COUNT)
def test_more_evidence_never_turns_a_reject_into_a_pass(
    heat: np.ndarray,
    more: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    inspected: np.ndarray,
    limits: tuple[float, float, float],
    count: int,
) -> None:
    rules = _rules(first, second, inspected, limits, count)

    if _outcome(heat, rules) is Outcome.REJECT:
        assert _outcome(np.maximum(heat, more), rules) is Outcome.REJECT


@given(HEAT, CELLS, CELLS, CELLS, CELLS, st.tuples(LIMIT, LIMIT, LIMIT))
def test_a_smaller_ignored_area_never_turns_a_reject_into_a_pass(
    heat: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    inspected: np.ndarray,
    also: np.ndarray,
    limits: tuple[float, float, float],
) -> None:
    before = _rules(first, second, inspected, limits, 1)

    if _outcome(heat, before) is Outcome.REJECT:
        assert _outcome(heat, _rules(first, second, inspected | also, limits, 1)) is Outcome.REJECT


@given(HEAT, LIMIT, COUNT)
def test_one_zone_over_everything_is_the_line_s_own_judgement(heat: np.ndarray, limit: float, count: int) -> None:
    line = limit_rules(limit, min_defect_tiles=count)
    whole = zone_rules(("all", line, np.ones(SHAPE, bool)))

    judgement, plain = judge_zones(results_of(heat), CORNERS, TILE, whole), judge(results_of(heat), CORNERS, TILE, line)

    assert (judgement.outcome, judgement.reason, judgement.score) == (plain.outcome, plain.reason, plain.score)
    assert (judgement.defects, judgement.hits) == (plain.defects, plain.hits)


@given(HEAT, CELLS, CELLS, LIMIT)
def test_zones_with_the_line_s_own_limit_let_nothing_pass_that_the_line_rejects(
    heat: np.ndarray, first: np.ndarray, second: np.ndarray, limit: float
) -> None:
    everything = np.ones(SHAPE, bool)
    rules = _rules(first, second, everything, (limit, limit, limit), 1)

    plain = judge(results_of(heat), CORNERS, TILE, limit_rules(limit))

    assert _outcome(heat, rules) is plain.outcome


@given(HEAT, CELLS)
def test_a_mask_never_raises_a_score(heat: np.ndarray, kept: np.ndarray) -> None:
    results = results_of(heat)

    after = weakened(results.scores, results.heat, kept, MARGIN)

    assert (tile_scores(after) <= tile_scores(results.scores)).all()
    assert (after[:, 1] <= results.scores[:, 1]).all()


@given(HEAT, CELLS)
def test_a_mask_over_quiet_places_changes_no_bit(heat: np.ndarray, kept: np.ndarray) -> None:
    results = results_of(np.where(kept, heat, np.minimum(heat, 0.0)))

    after = weakened(results.scores, results.heat, kept, MARGIN)

    np.testing.assert_array_equal(after, results.scores)
