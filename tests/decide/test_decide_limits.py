"""Limits per label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.core.errors import SettingsError
from edge_inspector.decide.limits import merged_limits

LABELS = ("OK", "PIT", "SCRATCH")


def test_a_configured_limit_goes_before_the_bundles_own() -> None:
    limits = merged_limits(LABELS, {"PIT": 0.5, "SCRATCH": 0.25}, {"PIT": 0.75}, "line.yaml")

    assert limits.tolist() == [np.inf, 0.75, 0.25]
    assert limits.dtype == np.float32
    assert not limits.flags.writeable


@given(st.floats(1e-6, 1.0))
def test_rounding_a_limit_never_raises_it(limit: float) -> None:
    limits = merged_limits(("OK", "DEFECT"), {"DEFECT": limit}, {}, "line.yaml")

    assert 0.0 < float(limits[1]) <= limit


def test_every_mistake_is_told_at_once_with_its_key() -> None:
    with pytest.raises(SettingsError) as caught:
        merged_limits(LABELS, {"PIT": 0.5}, {"OK": 0.5, "DENT": 0.5}, "line.yaml")

    assert [mistake.where for mistake in caught.value.mistakes] == [
        "decide.limits.OK",
        "decide.limits.DENT",
        "decide.limits.SCRATCH",
    ]
    assert "no label DENT; limits can be set for PIT, SCRATCH" in str(caught.value)
    assert "SCRATCH has no limit" in str(caught.value)


@pytest.mark.parametrize("limit", [0.0, -0.1, 1.01, float("nan")])
def test_a_limit_that_would_never_or_always_reject_is_refused(limit: float) -> None:
    with pytest.raises(SettingsError, match="over 0 and at most at 1"):
        merged_limits(("OK", "DEFECT"), {}, {"DEFECT": limit}, "line.yaml")
