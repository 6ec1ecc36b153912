"""Drawn parts: brushed light metal with dark spots in known places."""

from __future__ import annotations

from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from edge_inspector.acquire.pace import Pace
from edge_inspector.acquire.plan import SyntheticPlan
from edge_inspector.core.frame import U8, Arrival, ArrivalKind, FrameShape
from edge_inspector.core.ports import SourceEnded

METAL_GREY = (130, 170)
"""Darkest and brightest grey of the metal."""
SPOT_GREY = 30
"""Grey of a spot: far below the darkest metal, so that any limit between tells them apart."""
MIN_SPOT_PX = 12
"""A spot is at least so wide: visible to a model that looks at 32 px cells."""
MAX_SPOT_PX = 48
_BACKGROUNDS = 8  # more would only cost memory: no two neighbouring parts look alike
_BACKGROUND_BYTES = 64 << 20  # so much memory the backgrounds may take together


class Spot(NamedTuple):
    """A spot, wholly inside the frame, in pixels."""

    y: int
    """Row of its centre."""
    x: int
    """Column of its centre."""
    diameter: int
    """Always odd, so that the centre is a pixel."""


def truth(plan: SyntheticPlan, frame_id: int) -> Spot | None:
    """Return the spot that a part carries, None for a good part. The same plan always gives the same answer."""
    if frame_id % plan.defect_every:
        return None
    random = np.random.default_rng((_seed(plan), frame_id))
    height, width = plan.frame.height, plan.frame.width
    widest = min(MAX_SPOT_PX, height, width)
    radius = int(random.integers(MIN_SPOT_PX // 2, (widest - 1) // 2 + 1))
    y = int(random.integers(radius, height - radius))
    x = int(random.integers(radius, width - radius))
    return Spot(y, x, 2 * radius + 1)


class SyntheticCamera:
    """Draws parts at a steady rate. Obeys the `Camera` port; frame ids count from 1."""

    discarded = 0

    def __init__(self, plan: SyntheticPlan) -> None:
        self._plan = plan
        self._transport_ns = round(plan.transport_ms * 1e6)

    def truth(self, frame_id: int) -> Spot | None:
        """Return the spot of a part, None for a good part."""
        return truth(self._plan, frame_id)

    def __enter__(self) -> Self:
        """Draw the backgrounds and begin again at part 1."""
        shape = self._plan.frame
        n = max(1, min(_BACKGROUNDS, _BACKGROUND_BYTES // shape.n_bytes))
        random = np.random.default_rng(_seed(self._plan))
        self._backgrounds = [brushed_metal(shape, random) for _ in range(n)]
        self._pixels = np.empty(shape.hwc, np.uint8)
        self._pace = Pace(self._plan.rate_hz)
        self._frame_id = 0
        return self

    def fetch(self, timeout_s: float) -> Arrival | None:
        """Return the next part, None when it is not due within the time; see the `Camera` port."""
        if self._plan.count is not None and self._frame_id >= self._plan.count:
            raise SourceEnded
        due_ns = self._pace.wait(timeout_s)
        if due_ns is None:
            return None
        self._frame_id += 1
        self._draw(self._frame_id)
        return Arrival(ArrivalKind.FRAME, self._frame_id, due_ns - self._transport_ns, "host", self._pixels)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the backgrounds go."""
        self._backgrounds = []

    def _draw(self, frame_id: int) -> None:
        np.copyto(self._pixels, self._backgrounds[frame_id % len(self._backgrounds)])
        spot = self.truth(frame_id)
        if spot is None:
            return
        radius = spot.diameter // 2
        ys, xs = np.ogrid[-radius : radius + 1, -radius : radius + 1]
        window = self._pixels[spot.y - radius : spot.y + radius + 1, spot.x - radius : spot.x + radius + 1]
        window[ys * ys + xs * xs <= radius * radius] = SPOT_GREY


def brushed_metal(shape: FrameShape, random: np.random.Generator) -> U8:
    """Return one drawn surface: shape (h, w, c), grey 130 to 170, streaks along the rows, equal channels."""
    rows = random.normal(0.0, 6.0, (shape.height, 1))
    # A streak is some hundred pixels long: coarse noise, stretched along the row.
    coarse = random.normal(0.0, 4.0, (shape.height, shape.width // 64 + 1))
    streaks = np.repeat(coarse, 64, axis=1)[:, : shape.width]
    grain = random.normal(0.0, 2.0, (shape.height, shape.width))
    grey = np.clip(150.0 + rows + streaks + grain, *METAL_GREY).astype(np.uint8)
    return np.repeat(grey[:, :, np.newaxis], shape.channels, axis=2)


def _seed(plan: SyntheticPlan) -> int:
    return plan.seed & 0xFFFF_FFFF_FFFF_FFFF  # the generator refuses negative numbers
