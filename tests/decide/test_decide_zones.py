"""The verdict rules where places have rules of their own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from zone_samples import (
    CORNERS,
    MARGIN,
    N_TILES,
    SHAPE,
    TILE,
    Bools,
    columns,
    limit_rules,
    quiet,
    results_of,
    score_of,
    zone_rules,
)

from edge_inspector.core.verdict import Judgement, Outcome, Reason, TileResults
from edge_inspector.decide.rules import judge
from edge_inspector.decide.zones import ZoneRules, judge_zones

LEFT, RIGHT = columns(*range(6)), columns(*range(6, 12))  # the border runs through the middle tile


def _judge(heat: np.ndarray, rules: ZoneRules, tiles: np.ndarray | None = None) -> Judgement:
    results = results_of(heat if tiles is None else heat[tiles], tiles)
    return judge_zones(results, CORNERS, TILE, rules)


def _with_spot(tile: int, row: int, column: int, heat: float = 120.0) -> np.ndarray:
    spotted = quiet()
    spotted[tile, row, column] = heat
    return spotted


def _said(judgement: Judgement) -> dict[str, tuple[int, str]]:
    return {zone.name: (zone.n_defect_tiles, zone.outcome.value) for zone in judgement.zones}


def test_a_defect_is_judged_by_the_rules_of_the_zone_it_lies_in() -> None:
    rules = zone_rules(("strict", limit_rules(0.1), LEFT), ("loose", limit_rules(1.0), RIGHT))

    in_strict, in_loose = _judge(_with_spot(0, 1, 1, 60.0), rules), _judge(_with_spot(2, 1, 1, 60.0), rules)

    assert (in_strict.outcome, in_strict.reason) == (Outcome.REJECT, Reason.DEFECT)
    assert _said(in_strict) == {"strict": (1, "REJECT"), "loose": (0, "PASS")}
    assert (in_loose.outcome, in_loose.reason, in_loose.label) == (Outcome.PASS, Reason.OK, "OK")
    assert in_loose.score == pytest.approx(in_strict.score)


def test_a_defect_in_a_tile_of_two_zones_counts_only_where_it_lies() -> None:
    rules = zone_rules(("strict", limit_rules(0.1), LEFT), ("loose", limit_rules(1.0), RIGHT))

    assert _judge(_with_spot(1, 1, 0, 60.0), rules).outcome is Outcome.REJECT  # column 4 of 12
    assert _judge(_with_spot(1, 1, 3, 60.0), rules).outcome is Outcome.PASS  # column 7 of 12


def test_a_defect_on_the_border_of_two_zones_is_not_halved_out_of_both() -> None:
    half = quiet()
    half[1, 1, 1] = half[1, 1, 2] = 30.0  # one cell on each side
    alone = results_of(_with_spot(1, 1, 1, 30.0)).scores[1, 1]
    whole = results_of(half).scores[1, 1]
    limit = float(alone + whole) / 2
    rules = zone_rules(("left", limit_rules(limit), LEFT), ("right", limit_rules(limit), RIGHT))

    judgement = _judge(half, rules)

    assert alone < limit < whole
    assert judgement.outcome is Outcome.REJECT
    assert _said(judgement) == {"left": (1, "REJECT"), "right": (1, "REJECT")}
    assert judgement.n_defect_tiles == 1


def test_a_tile_without_any_cell_that_speaks_for_a_defect_is_judged_by_all_its_zones() -> None:
    lukewarm = quiet(-0.1)  # score 0.34, as a whole
    rules = zone_rules(("strict", limit_rules(0.3), LEFT), ("loose", limit_rules(0.9), RIGHT))

    assert _said(_judge(lukewarm, rules)) == {"strict": (2, "REJECT"), "loose": (0, "PASS")}


def test_evidence_in_an_ignored_place_is_taken_out_of_the_score() -> None:
    inspected = ~columns(1)
    rules = zone_rules(("all", limit_rules(), np.ones(SHAPE, bool)), inspected=inspected)

    judgement = _judge(_with_spot(0, 1, 1), rules)

    assert judgement.outcome is Outcome.PASS
    assert judgement.score == pytest.approx(score_of(-3.0 * 15 / 16), rel=1e-4)
    assert _judge(_with_spot(0, 1, 2), rules).outcome is Outcome.REJECT


def test_a_defect_beside_an_ignored_one_is_still_seen_and_boxed_alone() -> None:
    heat = _with_spot(0, 1, 1, 500.0)
    heat[0, 3, 3] = 120.0
    rules = zone_rules(("all", limit_rules(), np.ones(SHAPE, bool)), inspected=~columns(1))

    judgement = _judge(heat, rules)

    assert judgement.outcome is Outcome.REJECT
    assert [(d.x, d.y, d.w, d.h) for d in judgement.defects] == [(96, 96, 32, 32)]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_unknown_in_an_ignored_place_too(number: float) -> None:
    rules = zone_rules(("all", limit_rules(), np.ones(SHAPE, bool)), inspected=~columns(1))
    results = results_of(quiet())
    results.heat[0, 1, 1] = number

    judgement = judge_zones(results, CORNERS, TILE, rules)

    assert (judgement.outcome, judgement.reason) == (Outcome.UNKNOWN, Reason.MODEL_NAN)
    assert (judgement.score, judgement.zones) == (None, ())


def test_a_zone_has_its_own_count_of_tiles() -> None:
    two = quiet()
    two[0, 1, 1] = two[1, 1, 0] = 120.0
    rules = zone_rules(("left", limit_rules(min_defect_tiles=2), LEFT), ("right", limit_rules(), RIGHT))

    one_tile, two_tiles = _judge(_with_spot(0, 1, 1), rules), _judge(two, rules)

    assert (one_tile.outcome, one_tile.reason) == (Outcome.PASS, Reason.BELOW_AREA)
    assert _said(one_tile) == {"left": (1, "PASS"), "right": (0, "PASS")}
    assert (one_tile.label, one_tile.n_defect_tiles, len(one_tile.defects)) == ("DEFECT", 1, 1)
    assert two_tiles.outcome is Outcome.REJECT


@pytest.mark.parametrize(("area", "outcome"), [(2048, Outcome.REJECT), (2049, Outcome.PASS)])
def test_a_zone_has_its_own_area_which_holds_the_whole_of_a_defect_that_reaches_in(area: int, outcome: Outcome) -> None:
    across = quiet()
    across[1, 1, 1] = across[1, 1, 2] = 60.0  # two cells of 32x32 px, one in each zone
    rules = zone_rules(("left", limit_rules(min_area_px=area), LEFT), ("right", limit_rules(1.0), RIGHT))

    judgement = _judge(across, rules)

    assert judgement.outcome is outcome


def test_where_background_leaves_fewer_tiles_than_must_count_all_that_are_left_suffice() -> None:
    rules = zone_rules(("left", limit_rules(min_defect_tiles=2), LEFT), ("right", limit_rules(), RIGHT))

    judgement = _judge(_with_spot(1, 1, 0), rules, tiles=np.array([1, 2]))

    assert judgement.outcome is Outcome.REJECT
    assert (judgement.n_tiles, judgement.hits[0][0]) == (2, 1)
    assert judgement.defects[0].x == 128


def test_parts_without_named_zones_tell_no_zones() -> None:
    named = zone_rules(("rest", limit_rules(), np.ones(SHAPE, bool)))
    rules = ZoneRules(named.zones, named.inspected, MARGIN, are_named=False)

    assert _judge(_with_spot(0, 0, 0), rules).zones == ()


def test_one_zone_over_everything_judges_as_the_line_does() -> None:
    heat = quiet()
    heat[0, 1, 1], heat[2, 3, 3], heat[2, 0, 0] = 120.0, 130.0, 90.0
    rules = zone_rules(("all", limit_rules(), np.ones(SHAPE, bool)))

    judgement = _judge(heat, rules)

    plain = judge(results_of(heat), CORNERS, TILE, limit_rules())
    assert (judgement.outcome, judgement.score, judgement.label) == (plain.outcome, plain.score, plain.label)
    assert (judgement.defects, judgement.hits, judgement.n_tiles) == (plain.defects, plain.hits, N_TILES)


def test_results_that_do_not_belong_to_the_tiles_are_a_mistake_of_the_program() -> None:
    rules = zone_rules(("all", limit_rules(), np.ones(SHAPE, bool)))
    one = results_of(quiet()[:1])

    with pytest.raises(ValueError, match="3 tiles"):
        judge_zones(TileResults(one.scores, one.heat), CORNERS, TILE, rules)


def test_no_tiles_at_all_is_no_reason_to_pass() -> None:
    rules = zone_rules(("all", limit_rules(), np.ones(SHAPE, bool)))

    judgement = _judge(quiet(), rules, tiles=np.array([], np.intp))

    assert (judgement.outcome, judgement.reason) == (Outcome.UNKNOWN, Reason.MODEL_ERROR)


def test_a_score_that_float32_shows_as_one_is_taken_apart_by_its_heat() -> None:
    results = results_of(_with_spot(0, 1, 1, 4000.0))  # p(OK) of a graph that gives 1 - p(DEFECT) is 0 here
    sure = TileResults(np.where(results.scores > 0.5, np.float32(1), results.scores), results.heat)
    sure.scores[0] = (0.0, 1.0)
    ignored: Bools = ~columns(1)
    rules = zone_rules(("all", limit_rules(), np.ones(SHAPE, bool)), inspected=ignored)

    assert judge_zones(sure, CORNERS, TILE, rules).outcome is Outcome.PASS
