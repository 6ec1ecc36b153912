"""Groups are shared out whole, with both labels in every fold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.core.errors import UsageError
from export.learn.folds import share_out, stop_groups


def _tiles(sizes: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return groups and truth of groups with (OK, DEFECT) tiles."""
    groups = [f"g{i}" for i, (n_ok, n_defect) in enumerate(sizes) for _ in range(n_ok + n_defect)]
    truth = [is_defect for n_ok, n_defect in sizes for is_defect in [False] * n_ok + [True] * n_defect]
    return np.array(groups), np.array(truth)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)).filter(any), min_size=4, max_size=30),
    folds=st.integers(2, 6),
    seed=st.integers(0, 1000),
)
def test_a_group_is_in_one_fold_and_each_fold_has_both_labels(
    sizes: list[tuple[int, int]], folds: int, seed: int
) -> None:
    groups, truth = _tiles([(3, 2), (1, 1), *sizes])

    fold = share_out(groups, truth, folds, seed)

    assert set(fold) == set(range(fold.max() + 1))
    assert fold.max() + 1 <= folds
    for group in set(groups):
        assert len(set(fold[groups == group])) == 1
    for number in range(fold.max() + 1):
        assert set(truth[fold == number]) == {True, False}
    np.testing.assert_array_equal(fold, share_out(groups, truth, folds, seed))


def test_there_are_no_more_folds_than_groups_with_defects() -> None:
    groups, truth = _tiles([(5, 0)] * 20 + [(0, 2)] * 3)

    assert share_out(groups, truth, 5, seed=1).max() + 1 == 3


def test_a_label_with_one_group_is_refused_and_the_group_is_named() -> None:
    groups, truth = _tiles([(5, 0)] * 20 + [(0, 200)])

    with pytest.raises(UsageError, match=r"DEFECT tiles come from 1 group\(s\) \(g20\), but 2 are needed.*add DEFECT"):
        share_out(groups, truth, 5, seed=1)


def test_a_part_to_stop_by_leaves_both_labels_on_both_sides_or_is_not_there() -> None:
    groups, truth = _tiles([(3, 0)] * 9 + [(0, 2)] * 6)
    few = _tiles([(3, 0)] * 9 + [(0, 2)] * 2)

    stop = stop_groups(groups, truth, seed=1, share=5)

    is_stop = np.isin(groups, list(stop))
    assert set(truth[is_stop]) == set(truth[~is_stop]) == {True, False}
    assert is_stop.mean() < 0.4
    assert stop_groups(*few, seed=1, share=5) == frozenset()
