"""Which numbers are accounted for: compared with a plain set."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.client.seen import Seen

numbers = st.integers(1, 60)


@given(st.integers(0, 10), st.lists(st.tuples(numbers, st.integers(0, 5)), max_size=30), st.integers(1, 70))
def test_it_is_a_set_of_numbers(upto: int, steps: list[tuple[int, int]], head: int) -> None:
    seen, model = Seen(upto), set(range(1, upto + 1))
    for first, more in steps:
        if more == 0:
            assert seen.add(first) is (first not in model)
        else:
            seen.add_range(first, first + more)
        model |= set(range(first, first + more + 1))

    assert all((n in seen) is (n in model) for n in range(1, 80))
    assert seen.upto == next(n for n in range(80) if n + 1 not in model)
    assert seen.top == max(model, default=0)
    missing = [n for n in range(1, head + 1) if n not in model]
    found = seen.missing(head)
    assert (found is None) == (missing == [])
    if found is not None:
        assert missing[: found[1] - found[0] + 1] == list(range(found[0], found[1] + 1))
    assert [n for a, b in seen.holes(3, head) for n in range(a, b + 1)] == [n for n in missing if n >= 3]


def test_an_empty_range_changes_nothing() -> None:
    seen = Seen(5)
    seen.add_range(9, 8)

    assert (seen.upto, seen.top) == (5, 5)
