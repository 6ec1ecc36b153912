"""Sizes of inference calls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.infer.chunks import chunk_sizes


@given(n_tiles=st.integers(1, 2000), largest=st.integers(1, 300))
def test_chunks_are_even_few_and_add_up(n_tiles: int, largest: int) -> None:
    sizes = chunk_sizes(n_tiles, largest)

    assert sum(sizes) == n_tiles
    assert max(sizes) <= largest
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == -(-n_tiles // largest)
    assert list(sizes) == sorted(sizes, reverse=True)


@pytest.mark.parametrize(("n_tiles", "sizes"), [(7, (7,)), (8, (8,)), (9, (5, 4)), (80, (8,) * 10), (17, (6, 6, 5))])
def test_known_grids_split_without_padding(n_tiles: int, sizes: tuple[int, ...]) -> None:
    assert chunk_sizes(n_tiles, largest=8) == sizes


@pytest.mark.parametrize(("n_tiles", "largest"), [(0, 8), (8, 0)])
def test_nothing_to_split_is_a_mistake(n_tiles: int, largest: int) -> None:
    with pytest.raises(ValueError, match="cannot split"):
        chunk_sizes(n_tiles, largest)
