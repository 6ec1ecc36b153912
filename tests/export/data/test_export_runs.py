"""Run lengths go down the columns, count from 1, and a wrong one is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from export.data.runs import decode_runs, encode_runs

MASKS = hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def test_a_run_goes_down_the_first_column_and_on_at_the_top_of_the_next() -> None:
    mask = decode_runs("2 3", (3, 2))

    np.testing.assert_array_equal(mask, [[False, True], [True, False], [True, False]])


@given(MASKS)
def test_a_mask_comes_back_from_its_runs(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_runs(encode_runs(mask), mask.shape), mask)


@given(MASKS)
def test_runs_are_those_of_the_columns_one_after_the_other(mask: np.ndarray) -> None:
    pixels = {x * mask.shape[0] + y + 1 for y, x in np.argwhere(mask).tolist()}
    numbers = [int(word) for word in encode_runs(mask).split()]
    told = [p for start, length in zip(numbers[::2], numbers[1::2], strict=True) for p in range(start, start + length)]

    assert sorted(told) == sorted(pixels)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 2 3", "3 numbers"),
        ("5 3", "leaves the picture of 2x3 = 6 pixels"),
        ("1 3 3 1", "overlaps"),
        ("0 1", "starts count from 1"),
        ("1 0", "a pixel at least"),
        ("1 x", "'x' is not a whole number"),
        ("-1 2", "'-1' is not a whole number"),
    ],
)
def test_a_wrong_run_is_named(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decode_runs(text, (3, 2))
