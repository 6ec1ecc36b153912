"""How fast something grows: a straight line through measurements, and how sure its slope is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SURE = 1.96
"""Standard errors to either side that hold 95 of 100 slopes."""
MOST_ALIKE = 0.99
"""Of neighbours; beyond it there is hardly more than one measurement."""


@dataclass(frozen=True, slots=True)
class Slope:
    """Of a line fitted by least squares."""

    value: float
    """y per x."""
    half: float
    """Half of the 95 % interval around it."""

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.value - self.half

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.value + self.half


def slope_of(xs: Sequence[float], ys: Sequence[float]) -> Slope:
    """Return the slope of the line that fits best.

    What a process takes of memory grows in steps, so a measurement is much like the one before it and tells little new:
    the interval is as wide as that of so many fewer independent ones (lag-1 autocorrelation of the residuals).

    Args:
        xs: Ascending.
        ys: One for each.

    Raises:
        ValueError: There are fewer than three, or all stand at the same x.
    """
    if len(xs) != len(ys) or len(xs) < 3 or xs[0] == xs[-1]:
        raise ValueError(f"no slope of {len(xs)} and {len(ys)} values")
    x, y = np.array(xs, float) - np.mean(xs), np.array(ys, float) - np.mean(ys)
    spread = float(x @ x)
    value = float(x @ y) / spread
    left = y - value * x
    error = (float(left @ left) / (len(xs) - 2) / spread) ** 0.5
    alike = float(left[1:] @ left[:-1]) / float(left @ left) if left.any() else 0.0
    alike = min(max(alike, 0.0), MOST_ALIKE)
    return Slope(value, SURE * error * ((1 + alike) / (1 - alike)) ** 0.5)
