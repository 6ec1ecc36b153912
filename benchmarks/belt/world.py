"""The belt as it is: where each part stands, what it is, and what the gate's own sensor and encoder say."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import cv2
import numpy as np

from edge_inspector.client.live import now_us
from edge_inspector.simulator.conveyor import Conveyor

SPACING_MM = 100.0
COUNTS_PER_MM = 10.0
N_PICTURES = 200
SIDE_PX = 64
OWN_ZERO = 123_456
"""The gate's encoder was switched on at another moment than the camera's."""


def draw_parts(folder: Path, bad_share: float, seed: int) -> list[bool]:
    """Write pictures of parts, light metal with a dark spot where they are bad; returns which are."""
    random = np.random.default_rng(seed)
    is_bad = [bool(each) for each in random.permutation(np.arange(N_PICTURES) < round(bad_share * N_PICTURES))]
    folder.mkdir()
    for i, bad in enumerate(is_bad):
        grey = 150.0 + random.normal(0, 6, (SIDE_PX, 1)) + random.normal(0, 6, (SIDE_PX, SIDE_PX))
        if bad:
            y, x = random.integers(16, SIDE_PX - 16, 2)
            rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
            grey[np.hypot(rows - y, columns - x) <= 10] = 30
        cv2.imwrite(str(folder / f"{i:03}.png"), grey.clip(0, 255).astype(np.uint8))
    return is_bad


class Belt:
    """Reads the conveyor that the simulated camera looks at, and changes its speed."""

    def __init__(
        self, conveyor: Conveyor, is_bad: list[bool], parts_per_s: float, speed_share: float, seed: int
    ) -> None:
        self._conveyor, self._is_bad = conveyor, is_bad
        self._nominal, self._share, self._random = parts_per_s * SPACING_MM, speed_share, Random(seed)
        self._next_change = 0.0
        self._speed = self._nominal
        self._passed = conveyor.edges

    def turn(self) -> None:
        """Change the speed once a second."""
        if time.monotonic() >= self._next_change:
            self._next_change = time.monotonic() + 1.0
            self._speed = self._nominal * (1.0 + self._random.uniform(-self._share, self._share))
            self._conveyor.run(self._speed)

    def stop(self) -> None:
        """Stand still."""
        self._conveyor.run(0.0)

    def enc(self) -> float:
        """Return the gate's own encoder count."""
        return self._conveyor.position_mm * COUNTS_PER_MM + OWN_ZERO

    def edges(self) -> list[tuple[int, int, float]]:
        """Return (part, moment in µs, latched count) of what has passed the gate's sensor, which is the camera's."""
        now, position = now_us(), self._conveyor.position_mm
        found = []
        while (self._passed + 1) * SPACING_MM <= position:
            self._passed += 1
            place = self._passed * SPACING_MM
            at = now - round((position - place) / self._speed * 1e6)
            found.append((self._passed, at, place * COUNTS_PER_MM + OWN_ZERO))
        return found

    def is_bad(self, part: int) -> bool:
        """Return whether a part is bad, as it is."""
        return self._is_bad[(part - 1) % N_PICTURES]

    def way_of(self, part: int) -> float:
        """Return how many counts a part has gone since the sensor."""
        return (self._conveyor.position_mm - part * SPACING_MM) * COUNTS_PER_MM
