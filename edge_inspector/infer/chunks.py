"""How the tiles of a frame are split into inference calls. Pure."""

from __future__ import annotations


def chunk_sizes(n_tiles: int, largest: int) -> tuple[int, ...]:
    """Split tiles into as few chunks as possible, as even as possible.

    Even chunks need no padding (a padded tile costs as much as a real one) and at most two sizes, so there is little
    to warm up and to verify.

    Returns:
        Sizes in the order of the calls, larger ones first; they add up to `n_tiles` and differ by at most 1.

    Raises:
        ValueError: No tiles, or a largest chunk below 1.
    """
    if n_tiles < 1 or largest < 1:
        raise ValueError(f"cannot split {n_tiles} tiles into chunks of at most {largest}")
    n_chunks = -(-n_tiles // largest)  # rounded up
    size, n_larger = divmod(n_tiles, n_chunks)
    return (size + 1,) * n_larger + (size,) * (n_chunks - n_larger)
