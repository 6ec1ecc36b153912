"""Counts of the gate's own encoder, and how the camera's counts translate into them. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

_SPACING_US = 5_000
_SAMPLES = 2_000
"""10 s of history: as old as the newest frame's count may be."""
_AHEAD_US = 20_000
"""A moment after the newest sample is taken as its own for so long."""
_AGREEING = 3
"""So many frames in a row must give the same difference before it is believed."""


class OwnEncoder:
    """The gate's own encoder over time. Counts rise forwards and never wrap: unwrap them before."""

    def __init__(self, tolerance: float) -> None:
        """Take how many counts it may go back, such as by vibration at standstill."""
        self._tolerance = tolerance
        self._at: deque[int] = deque(maxlen=_SAMPLES)
        self._counts: deque[float] = deque(maxlen=_SAMPLES)
        self.now: float | None = None
        """The newest count; None before the first."""

    def add(self, at_us: int, count: float) -> bool:
        """Take a reading; False when the belt ran backwards or the encoder was reset: all places are forgotten then."""
        went_back = self.now is not None and count < self.now - self._tolerance
        if went_back:
            self._at.clear()
            self._counts.clear()
        self.now = count
        if not self._at or at_us - self._at[-1] >= _SPACING_US:
            self._at.append(at_us)
            self._counts.append(count)
        return not went_back

    def at(self, us: int) -> float | None:
        """Return the count at a moment; None when it lies outside what is remembered."""
        if not self._at or us < self._at[0] or us > self._at[-1] + _AHEAD_US:
            return None
        i = bisect_right(self._at, us)
        if i == len(self._at):
            return self.now
        a, b = self._at[i - 1], self._at[i]
        share = (us - a) / (b - a) if b > a else 0.0
        return self._counts[i - 1] + share * (self._counts[i] - self._counts[i - 1])


class CameraCounts:
    """Translates counts of the camera's encoder into the gate's own, by what heartbeats say.

    A heartbeat tells the camera's count at its newest frame and how long ago that was. The difference of the two
    counters must be the same for three frames before it is believed. A frame that disagrees suspends it until one
    agrees again, or three agree on another difference. It is forgotten when `enc_gen` changes.
    """

    def __init__(self, ratio: float, window: float) -> None:
        """Take the gate's counts per camera count, and how far two differences may lie apart."""
        self._ratio, self._window = ratio, window
        self._pairs: list[tuple[int, float]] = []
        self._doubts: list[tuple[int, float]] = []
        self._modulus = 0
        self.generation: int | None = None
        """`enc_gen` of what is known; None before the first heartbeat with an encoder."""

    @property
    def is_known(self) -> bool:
        """Whether counts can be translated."""
        return len(self._pairs) == _AGREEING and not self._doubts

    def forget(self) -> None:
        """Begin anew: the two counters can no longer be compared."""
        self._pairs, self._doubts = [], []

    def beat(self, count: int, age_us: int, generation: int, at_us: int, own: OwnEncoder) -> bool:
        """Take a heartbeat's count; False when places told before are worth nothing any more."""
        is_same = generation == self.generation or self.generation is None
        if not is_same:
            self.forget()
        self.generation = generation
        there = own.at(at_us - age_us) if count >= 0 and age_us >= 0 else None
        newest = (self._doubts or self._pairs)[-1:]
        if there is None or (newest and newest[0][0] == count):
            return is_same  # nothing new
        if self._agrees(self._pairs, count, there):
            self._pairs = [*self._pairs, (count, there)][-_AGREEING:]
            self._doubts = []
            return is_same
        self._doubts = [*self._doubts, (count, there)] if self._agrees(self._doubts, count, there) else [(count, there)]
        if len(self._doubts) == _AGREEING:
            self._pairs, self._doubts = self._doubts, []
        return False

    def _agrees(self, pairs: list[tuple[int, float]], count: int, there: float) -> bool:
        return not pairs or abs(self._from(pairs[-1], count) - there) <= self._window

    def translate(self, count: int, generation: int, modulus: int) -> float | None:
        """Return the gate's own count for a count of the camera; None where it cannot be known."""
        self._modulus = modulus
        if not self.is_known or count < 0 or generation != self.generation:
            return None
        return self._from(self._pairs[-1], count)

    def _from(self, pair: tuple[int, float], count: int) -> float:
        camera, own = pair
        return own + self._ratio * wrapped(count - camera, self._modulus)


def wrapped(difference: int, modulus: int) -> int:
    """Return a difference of two counts on the shorter way round; `modulus` 0 for a counter that never wraps."""
    if modulus <= 0:
        return difference
    return (difference + modulus // 2) % modulus - modulus // 2
