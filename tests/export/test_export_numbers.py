"""Samples."""

from __future__ import annotations

import pytest

from edge_inspector.core.errors import UsageError
from export.data.strips import Strip, sample_strips


def test_sampled_strips_share_no_pixel_and_come_from_many_groups() -> None:
    strips = [Strip(i % 3, 0, x, 0, False, f"g{i % 3}", (256, 1024)) for i in range(9) for x in range(0, 3000, 64)]

    chosen = sample_strips(strips, 6, seed=1)

    assert {strip.group for strip in chosen} == {"g0", "g1", "g2"}
    assert not [(a, b) for i, a in enumerate(chosen) for b in chosen[:i] if a.overlaps(b)]
    assert chosen == sample_strips(strips, 6, seed=1)


def test_too_few_strips_are_not_made_up() -> None:
    with pytest.raises(UsageError, match="only 1 of 2 strips"):
        sample_strips([Strip(0, 0, x, 0, False, "g", (256, 1024)) for x in (0, 512)], 2, seed=1)
