"""Steering a conveyor: parts and encoder as a function of time, or by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.simulator.layout import MAX_SEGMENTS


class Conveyor:
    """A conveyor in the control file. One process writes it; cameras in any process follow it.

    Where parts are is a function of the clock, so what the sensor has seen is known without asking any camera.
    """

    def __init__(self, state: Any) -> None:
        self._state = state

    def run(self, speed_mm_s: float) -> None:
        """Go on at another speed from now; negative runs backwards, 0 stops."""
        self.run_profile([(0.0, speed_mm_s)])

    def run_profile(self, profile: Sequence[tuple[float, float]]) -> None:
        """Go through speeds.

        Args:
            profile: (seconds, mm/s) one after the other; the last speed stays, whatever its seconds.
        """
        if not 0 < len(profile) <= MAX_SEGMENTS:
            raise ValueError(f"a profile has 1 to {MAX_SEGMENTS} speeds, not {len(profile)}")
        now_ns = monotonic_ns()
        start_mm, start_edges = self._timed(now_ns)
        self._state.sequence += 1  # odd: being written
        for i, (seconds, speed_mm_s) in enumerate(profile):
            segment = self._state.segments[i]
            segment.start_ns, segment.start_mm = now_ns, start_mm
            segment.speed_mm_s, segment.start_edges = speed_mm_s, start_edges
            now_ns += round(seconds * 1e9)
            start_mm, start_edges = self._at_end(segment, now_ns)
        self._state.n_segments = len(profile)
        self._state.sequence += 1

    def bring(self, parts_per_s: float) -> None:
        """Go on at the speed that brings so many parts per second; 0 stops."""
        self.run(parts_per_s * self._state.spacing_mm)

    def fire(self, n_parts: int = 1, moves: bool = True) -> None:
        """Let parts pass the sensor now, one by one: each is an edge, and the encoder moves by their spacing.

        For a conveyor that stands still. Nothing waits for exposure times, so no edge is an over-trigger.

        Args:
            n_parts: How many.
            moves: False leaves the encoder where it is.
        """
        self._state.stepped_ns = monotonic_ns()
        if moves:
            self._state.stepped_mm += n_parts * self._state.spacing_mm
        self._state.stepped_edges += n_parts

    def move(self, distance_mm: float) -> None:
        """Move the encoder by hand, without a part; negative moves backwards."""
        self._state.stepped_mm += distance_mm

    @property
    def edges(self) -> int:
        """Edges of the part sensor until now: the number of parts that every consumer must account for."""
        return int(self._timed(monotonic_ns())[1] + self._state.stepped_edges)

    @property
    def position_mm(self) -> float:
        """Where the conveyor is now."""
        return float(self._timed(monotonic_ns())[0] + self._state.stepped_mm)

    def _timed(self, when_ns: int) -> tuple[float, int]:
        found = None
        for i in range(self._state.n_segments):
            if found is None or self._state.segments[i].start_ns <= when_ns:
                found = self._state.segments[i]
        return (0.0, 0) if found is None else self._at_end(found, when_ns)

    def _at_end(self, segment: Any, when_ns: int) -> tuple[float, int]:
        """Return (position, edges); the same arithmetic as conveyor.c, so that both count alike."""
        end_mm = segment.start_mm + segment.speed_mm_s * float(max(0, when_ns - segment.start_ns)) * 1e-9
        spacing_mm = self._state.spacing_mm
        if spacing_mm <= 0:
            return end_mm, segment.start_edges
        passed = abs(math.floor(end_mm / spacing_mm) - math.floor(segment.start_mm / spacing_mm))
        return end_mm, segment.start_edges + passed
