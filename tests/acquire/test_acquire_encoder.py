from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.acquire.encoder import RESYNC, Encoder, EncoderPlan
from edge_inspector.core.frame import Travel

MODULUS = 1000
PERIOD_NS = 100_000_000  # 10 parts a second
PLAN = EncoderPlan("ChunkEncoderValue", counts_per_mm=1.0, max_speed_mm_s=1000.0, modulus=MODULUS)


def follow(counts: list[int | None], plan: EncoderPlan = PLAN) -> list[tuple[Travel, bool]]:
    """Where each of the counts leads, and whether it is believed."""
    encoder = Encoder(plan)
    found = [encoder.follow(count, n * PERIOD_NS) for n, count in enumerate(counts)]
    return [(travel, why is None) for travel, why in found]


def test_a_steady_line_is_believed_and_its_position_rises_over_the_wrap() -> None:
    found = follow([950, 990, 30, 70])

    assert found == [
        (Travel(950, 0, 0), True),
        (Travel(990, 0, 40), True),
        (Travel(30, 0, 80), True),
        (Travel(70, 0, 120), True),
    ]


def test_a_line_whose_count_falls_runs_forward_where_that_is_said() -> None:
    plan = EncoderPlan("ChunkEncoderValue", 1.0, 1000.0, MODULUS, is_backward=True)

    assert [travel.position for travel, _ in follow([50, 10, 970], plan)] == [0, 40, 80]


def test_a_line_at_rest_shakes_and_is_still_believed() -> None:
    assert all(believed for _, believed in follow([500, 498, 502, 500, 499]))


@pytest.mark.parametrize("odd", [300, 0, 700], ids=["back", "reset", "jump"])
def test_a_count_that_the_line_cannot_have_reached_begins_a_new_generation(odd: int) -> None:
    found = follow([400, 440, odd, odd + 40, odd + 80, odd + 120])

    assert [believed for _, believed in found] == [True, True, False, False, False, True]
    assert [travel.generation for travel, _ in found] == [0, 0, 1, 1, 1, 1]
    assert [travel.position for travel, _ in found[2:]] == [0, 40, 80, 120]
    assert RESYNC == 3


def test_a_reversed_encoder_is_never_believed_and_says_so_once() -> None:
    found = follow([900, 860, 820, 780, 740])

    assert [believed for _, believed in found] == [True, False, False, False, False]
    assert {travel.generation for travel, _ in found[1:]} == {1}


def test_a_break_after_a_generation_was_believed_again_is_another_one() -> None:
    found = follow([0, 500, 540, 580, 620, 100])

    assert [travel.generation for travel, _ in found] == [0, 1, 1, 1, 1, 2]


def test_a_count_that_did_not_come_is_no_place_and_breaks_nothing() -> None:
    found = follow([100, None, 180])

    assert found == [(Travel(100, 0, 0), True), (Travel(-1, 0, 0), False), (Travel(180, 0, 80), True)]


def test_a_count_beyond_the_modulus_says_that_the_modulus_is_wrong() -> None:
    travel, why = Encoder(PLAN).follow(MODULUS, 0)

    assert travel.count == -1
    assert why is not None
    assert "modulus 1000" in why


def test_a_signed_counter_that_ran_back_below_zero_counts_on() -> None:
    assert [travel.count for travel, _ in follow([2, -1])] == [2, MODULUS - 1]


@given(start=st.integers(0, MODULUS - 1), steps=st.lists(st.integers(0, 100), max_size=50))
def test_whatever_way_the_line_goes_forward_it_is_believed_and_measured(start: int, steps: list[int]) -> None:
    counts, total = [start], 0
    for step in steps:
        total += step
        counts.append((start + total) % MODULUS)

    found = follow(list(counts))

    assert all(believed for _, believed in found)
    assert found[-1][0].position == total
