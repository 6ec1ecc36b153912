"""The verdict rules."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.core.verdict import Defect, Judgement, Outcome, Reason, TileResults
from edge_inspector.decide.limits import merged_limits
from edge_inspector.decide.rules import Rules, counting_tiles, judge

TILE = (64, 64)
LABELS = ("OK", "PIT", "SCRATCH")
BAD_NUMBERS = [math.nan, math.inf, -math.inf]


def _rules(limit: float = 0.5, **others: object) -> Rules:
    return Rules(("OK", "DEFECT"), merged_limits(("OK", "DEFECT"), {"DEFECT": limit}, {}, "line.yaml"), **others)


def _three_labels(pit: float, scratch: float) -> Rules:
    return Rules(LABELS, merged_limits(LABELS, {"PIT": pit, "SCRATCH": scratch}, {}, "line.yaml"))


def _two(*p_defect: float) -> np.ndarray:
    defect = np.array(p_defect, np.float32)
    return np.stack([1 - defect, defect], axis=1)


def _judge(scores: object, rules: Rules, heat: np.ndarray | None = None) -> Judgement:
    scores = np.asarray(scores, np.float32)
    n_tiles = len(scores)
    if heat is None:
        heat = np.zeros((n_tiles, 2, 2), np.float32)
        heat[:, 0, 1] = 1.0
    corners = np.array([(0, 64 * i) for i in range(n_tiles)], np.intp).reshape(n_tiles, 2)
    return judge(TileResults(scores, heat), corners, TILE, rules)


@pytest.mark.parametrize(
    ("score", "outcome"),
    [
        (0.69, Outcome.PASS),
        (0.70, Outcome.REJECT),  # the limit itself rejects, in float32 too
        (0.71, Outcome.REJECT),
    ],
)
def test_a_tile_that_reaches_the_limit_rejects(score: float, outcome: Outcome) -> None:
    assert _judge(_two(0.1, score), _rules(0.7)).outcome is outcome


@given(st.floats(1e-6, 1.0))
def test_the_limit_itself_rejects_whatever_float32_makes_of_it(limit: float) -> None:
    # p(OK) may be rounded from either side, and 1 - p(OK) then lies a little below the limit.
    for p_ok in (1 - np.float32(limit), np.float32(1 - limit)):
        assert _judge([[p_ok, np.float32(limit)]], _rules(limit)).outcome is Outcome.REJECT


def test_a_part_below_every_limit_passes_with_its_score_and_the_ok_label() -> None:
    judgement = _judge(_two(0.125, 0.25), _rules())

    assert judgement == Judgement(Outcome.PASS, Reason.OK, 0.25, "OK", (), n_tiles=2, n_defect_tiles=0)


def test_a_rejected_part_says_where_in_the_frame() -> None:
    judgement = _judge(_two(0.125, 0.75), _rules())

    defect = Defect(x=64 + 32, y=0, w=32, h=32, score=0.75, label="DEFECT")
    assert judgement == Judgement(Outcome.REJECT, Reason.DEFECT, 0.75, "DEFECT", (defect,), 2, 1)


@pytest.mark.fault(
    16,
    injected="NaN and infinity at each place of scores",
    seen="UNKNOWN `model_nan`, whatever the other tiles say",
    noticed="with the part",
)
@pytest.mark.parametrize("number", BAD_NUMBERS)
@given(place=st.integers(0, 7), p_defect=st.floats(0, 1, width=32))
def test_a_number_that_is_none_never_passes_wherever_it_stands_in_the_scores(
    number: float, place: int, p_defect: float
) -> None:
    scores = _two(p_defect, 0.0, 0.0, 0.0)
    scores.flat[place] = number

    judgement = _judge(scores, _rules())

    assert (judgement.outcome, judgement.reason) == (Outcome.UNKNOWN, Reason.MODEL_NAN)
    assert judgement.score is None
    assert judgement.label is None


@pytest.mark.parametrize("number", BAD_NUMBERS)
@given(place=st.integers(0, 15))
def test_a_number_that_is_none_never_passes_wherever_it_stands_in_the_heat(number: float, place: int) -> None:
    heat = np.zeros((4, 2, 2), np.float32)
    heat.flat[place] = number

    judgement = _judge(_two(0.0, 0.0, 0.0, 0.0), _rules(), heat)

    assert (judgement.outcome, judgement.reason) == (Outcome.UNKNOWN, Reason.MODEL_NAN)


@pytest.mark.parametrize("scores", [[[1.2, 0.0]], [[0.5, -0.1]], [[1.0, 0.0], [-3.0, 4.0]]])
def test_probabilities_that_cannot_be_are_a_broken_model(scores: list[list[float]]) -> None:
    judgement = _judge(scores, _rules())

    assert (judgement.outcome, judgement.reason) == (Outcome.UNKNOWN, Reason.MODEL_ERROR)


def test_no_tiles_at_all_is_no_reason_to_pass() -> None:
    judgement = _judge(np.zeros((0, 2)), _rules(), np.zeros((0, 2, 2), np.float32))

    assert (judgement.outcome, judgement.reason) == (Outcome.UNKNOWN, Reason.MODEL_ERROR)


@st.composite
def _raised(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, Rules]:
    """Scores of three labels, the same with more evidence anywhere, and rules."""
    pair = st.tuples(*[st.floats(0, 1)] * 2)
    n_tiles = draw(st.integers(1, 6))
    before, rise = (np.array(draw(st.lists(pair, min_size=n_tiles, max_size=n_tiles))) for _ in range(2))
    before /= 2  # two defect labels of at most a half each leave room for p(OK)
    limits = merged_limits(
        LABELS, dict(zip(LABELS[1:], draw(st.tuples(*[st.floats(0.01, 1)] * 2)), strict=True)), {}, ""
    )
    rules = Rules(LABELS, limits, draw(st.integers(1, 3)), min_area_px=draw(st.sampled_from([0, 1024, 3000])))
    return _with_ok(before), _with_ok(before + rise * (0.5 - before)), rules


def _with_ok(p_defects: np.ndarray) -> np.ndarray:
    return np.concatenate([1 - p_defects.sum(axis=1, keepdims=True), p_defects], axis=1).clip(0, 1).astype(np.float32)


@given(_raised())
def test_more_evidence_never_turns_a_reject_into_a_pass(case: tuple[np.ndarray, np.ndarray, Rules]) -> None:
    before, after, rules = case

    was, now = _judge(before, rules), _judge(after, rules)

    assert (was.outcome, now.outcome) != (Outcome.REJECT, Outcome.PASS)
    assert now.n_defect_tiles >= was.n_defect_tiles
    assert now.score is not None
    assert was.score is not None
    assert now.score >= was.score - 1e-6  # p(OK) is rounded twice in `_with_ok`


def test_fewer_defect_tiles_than_asked_pass_as_below_area_and_are_still_told() -> None:
    rules = _rules(min_defect_tiles=2)

    few, enough = _judge(_two(0.75, 0.25), rules), _judge(_two(0.75, 0.5), rules)

    assert (few.outcome, few.reason, few.n_defect_tiles) == (Outcome.PASS, Reason.BELOW_AREA, 1)
    assert (few.score, few.label, len(few.defects)) == (0.75, "DEFECT", 1)
    assert (enough.outcome, enough.reason) == (Outcome.REJECT, Reason.DEFECT)


@pytest.mark.parametrize(("min_area_px", "outcome"), [(32 * 32, Outcome.REJECT), (32 * 32 + 1, Outcome.PASS)])
def test_the_area_limit_itself_rejects(min_area_px: int, outcome: Outcome) -> None:
    assert _judge(_two(0.75, 0.25), _rules(min_area_px=min_area_px)).outcome is outcome


def test_area_seen_by_two_overlapping_tiles_counts_once() -> None:
    heat = np.zeros((2, 2, 2), np.float32)
    heat[0, 0, 1] = heat[1, 0, 0] = 1.0
    corners = np.array([(0, 0), (0, 32)], np.intp)  # both cells are the same 32 px square
    results = TileResults(_two(0.75, 0.75), heat)

    judgement = judge(results, corners, TILE, _rules(min_area_px=32 * 32 + 1))

    assert judgement.reason is Reason.BELOW_AREA
    assert [(defect.x, defect.w) for defect in judgement.defects] == [(32, 32)]


def test_each_label_has_its_own_limit_and_the_one_that_reached_it_names_the_part() -> None:
    rules = _three_labels(pit=0.9, scratch=0.25)

    judgement = _judge([[0.2, 0.5, 0.3], [0.9, 0.1, 0.0]], rules)

    assert (judgement.outcome, judgement.label, judgement.n_defect_tiles) == (Outcome.REJECT, "SCRATCH", 1)
    assert judgement.score == pytest.approx(0.8)


def test_a_labels_own_limit_itself_rejects_where_another_limit_is_higher() -> None:
    rules = _three_labels(pit=0.9, scratch=0.25)

    assert _judge([[0.75, 0.0, 0.25]], rules).label == "SCRATCH"
    assert _judge([[0.75, 0.001, 0.249]], rules).outcome is Outcome.PASS


def test_a_sure_defect_of_an_unsure_kind_rejects() -> None:
    rules = _three_labels(pit=0.5, scratch=0.5)

    judgement = _judge([[0.2, 0.45, 0.35]], rules)

    assert (judgement.outcome, judgement.label) == (Outcome.REJECT, "PIT")


def test_at_most_32_defects_are_told_worst_first() -> None:
    p_defect = np.linspace(0.5, 1.0, 40)

    judgement = _judge(_two(*p_defect), _rules())

    scores = [defect.score for defect in judgement.defects]
    assert len(scores) == 32
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == judgement.score == 1.0
    assert judgement.n_defect_tiles == 40


def test_results_of_another_grid_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="3 tiles and 2 labels need scores with shape"):
        judge(TileResults(_two(0.1, 0.2), np.zeros((2, 2, 2), np.float32)), np.zeros((3, 2), np.intp), TILE, _rules())


@pytest.mark.parametrize(
    "limits", [[np.inf, np.nan], [np.inf, 0.0], [np.inf, 1.5], [0.5, 0.5], [np.inf], [np.inf, np.inf]]
)
def test_limits_that_would_never_reject_are_refused(limits: list[float]) -> None:
    with pytest.raises(ValueError, match="limits"):
        Rules(("OK", "DEFECT"), np.array(limits, np.float32))


def test_a_number_that_is_none_counts_even_where_it_was_not_looked_for() -> None:
    rules = Rules(("OK", "A"), np.array([np.inf, 0.5], np.float32))
    scores = np.array([[0.9, np.nan]], np.float32)

    counting = counting_tiles(scores, np.array([0.1], np.float32), rules)

    assert [counted.tile for counted in counting] == [0]
