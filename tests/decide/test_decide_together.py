"""From several views to one part: the worst counts, and no view can make another better."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.core.verdict import Defect, Judgement, Outcome, Reason
from edge_inspector.decide.together import lead_of, together

PASS = Judgement(Outcome.PASS, Reason.OK, 0.1, "OK", n_tiles=4)
BELOW = Judgement(Outcome.PASS, Reason.BELOW_AREA, 0.9, "DEFECT", n_tiles=4, n_defect_tiles=1)
UNKNOWN = Judgement(Outcome.UNKNOWN, Reason.IMAGE_HEALTH)
REJECT = Judgement(
    Outcome.REJECT, Reason.DEFECT, 0.8, "DEFECT", (Defect(1, 2, 3, 4, 0.8, "DEFECT"),), 4, 2, hits=((1, 0.8),)
)
RANK = (Outcome.PASS, Outcome.UNKNOWN, Outcome.REJECT)


def test_one_view_speaks_for_itself() -> None:
    assert together([REJECT]) is REJECT


def test_a_part_passes_only_where_every_view_passes() -> None:
    assert together([PASS, PASS]).outcome is Outcome.PASS
    assert together([PASS, UNKNOWN]).outcome is Outcome.UNKNOWN
    assert together([UNKNOWN, REJECT, PASS]).outcome is Outcome.REJECT


def test_what_was_let_pass_by_the_rules_is_told_of_the_whole_part() -> None:
    assert together([PASS, BELOW]).reason is Reason.BELOW_AREA


def test_tiles_are_counted_over_all_views_and_pixels_stay_with_theirs() -> None:
    part = together([PASS, REJECT])

    assert (part.n_tiles, part.n_defect_tiles, part.score, part.label) == (8, 2, 0.8, "DEFECT")
    assert (part.defects, part.zones, part.hits) == ((), (), ())


def test_of_equal_views_the_first_leads_and_of_unequal_the_worst() -> None:
    assert lead_of([PASS, PASS]) == 0
    assert lead_of([PASS, UNKNOWN, REJECT]) == 2


@given(st.lists(st.sampled_from([PASS, BELOW, UNKNOWN, REJECT]), min_size=1, max_size=8))
def test_no_view_makes_a_part_better(views: list[Judgement]) -> None:
    worst = max(RANK.index(view.outcome) for view in views)

    assert RANK.index(together(views).outcome) == worst
    assert views[lead_of(views)].outcome is RANK[worst]
