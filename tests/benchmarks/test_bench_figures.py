"""Numbers of a benchmark: percentiles, sandwiches, bars."""

from __future__ import annotations

import math

import pytest

from benchmarks.figures import Row, at_least, at_most, percentile, sandwich_ratios, spread


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (99.5, 100), (100, 100), (0, 1)])
def test_a_percentile_is_a_value_that_was_measured(percent: float, expected: float) -> None:
    values = [float(n) for n in range(100, 0, -1)]

    assert percentile(values, percent) == expected


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_what_lies_between_two_is_compared_with_their_mean() -> None:
    ratios = sandwich_ratios([100.0, 50.0, 150.0], [75.0, 90.0])

    assert ratios == [1.0, 0.9]


@pytest.mark.parametrize(("outer", "inner"), [([1.0], []), ([1.0, 1.0], [1.0, 1.0]), ([1.0, 1.0, 1.0], [1.0])])
def test_windows_that_make_no_sandwiches_are_refused(outer: list[float], inner: list[float]) -> None:
    with pytest.raises(ValueError, match="no sandwiches"):
        sandwich_ratios(outer, inner)


def test_the_spread_tells_median_least_and_most() -> None:
    assert spread([3.0, 1.0, 2.0, 9.0]) == (2.5, 1.0, 9.0)


def test_the_bar_itself_is_reached_from_both_sides() -> None:
    assert at_most(2.0).holds(2.0)
    assert at_least(2.0).holds(2.0)
    assert not at_most(2.0).holds(2.01)
    assert not at_least(2.0).holds(1.99)


def test_no_number_reaches_no_bar() -> None:
    assert not at_most(2.0).holds(math.nan)
    assert not at_least(2.0).holds(math.nan)


def test_a_figure_that_is_missing_does_not_reach_its_bar() -> None:
    assert Row("paced", "p99", None, "ms", at_most(1.0)).is_ok is False
    assert Row("paced", "p99", None, "ms").is_ok is None
