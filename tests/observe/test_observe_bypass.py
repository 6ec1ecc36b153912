"""Bypass in the numbers."""

from __future__ import annotations

import math

import pytest
from metrics_samples import make, value

from edge_inspector.core.verdict import LineState
from edge_inspector.observe.figures import LineFigures


@pytest.mark.parametrize(("left_s", "is_on"), [(0.0, 0), (0.04, 1), (754.62, 1)])
def test_bypass_is_one_number_and_the_time_that_is_left_another(left_s: float, is_on: int) -> None:
    registry, metrics = make()

    metrics.set_line(LineFigures(LineState.READY, True, 1, True, bypass_left_s=left_s))

    assert value(registry, "bypass") == is_on
    shown = value(registry, "bypass_seconds_left")
    assert (shown > 0) == bool(is_on), "0 is said only when nothing is left"
    assert shown == pytest.approx(left_s, abs=0.1)


@pytest.mark.parametrize("left_s", [0.0, 0.04, 61.26])
def test_drill_mode_is_the_time_that_is_left(left_s: float) -> None:
    registry, metrics = make()

    metrics.set_line(LineFigures(LineState.READY, True, 1, True, drill_left_s=left_s))

    assert value(registry, "drill_seconds_left") == math.ceil(left_s * 10) / 10
