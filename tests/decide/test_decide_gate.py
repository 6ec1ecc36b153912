"""Where the gate acts: by the place of the part, whatever its verdict took."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.core.frame import NO_TRAVEL, Travel
from edge_inspector.core.verdict import Firing
from edge_inspector.decide.gate import NO_GATE, Gate, counts_to_gate, firing


def test_the_gate_acts_at_the_count_of_the_trigger_plus_the_way_less_the_lead() -> None:
    gate = Gate(counts_to_gate(1200.0, 15.0, 10.0, is_backward=False), window=50, modulus=2**32)

    assert firing(gate, Travel(1000, 1)) == Firing(1000 + 11_850, 50)


def test_a_counter_that_begins_again_on_the_way_is_followed() -> None:
    gate = Gate(11_850, 0, modulus=20_000)

    assert firing(gate, Travel(19_000)).count == 10_850


def test_a_counter_that_falls_is_followed_downward() -> None:
    gate = Gate(counts_to_gate(100.0, 0.0, 10.0, is_backward=True), 0, modulus=4096)

    assert firing(gate, Travel(400)).count == 4096 - 600


def test_nobody_says_where_when_nobody_knows() -> None:
    assert firing(Gate(100, 5, 4096), NO_TRAVEL) == Firing(-1, 0)
    assert firing(NO_GATE, Travel(400)) == Firing(-1, 0)


@given(
    st.integers(256, 2**40),
    st.floats(0.0, 1e4),
    st.floats(0.0, 100.0),
    st.floats(0.01, 1000.0),
    st.booleans(),
    st.data(),
)
def test_from_trigger_to_gate_it_is_the_same_way_at_every_count(
    modulus: int, distance_mm: float, lead_mm: float, counts_per_mm: float, is_backward: bool, data: st.DataObject
) -> None:
    way = counts_to_gate(distance_mm, lead_mm, counts_per_mm, is_backward)
    start = data.draw(st.integers(0, modulus - 1))

    count = firing(Gate(way, 3, modulus), Travel(start)).count

    assert 0 <= count < modulus
    assert (count - start - way) % modulus == 0
