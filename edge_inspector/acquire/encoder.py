"""Where the line stands, from the count of an encoder. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from edge_inspector.core.frame import Travel

RESYNC = 3
"""Believable counts in a row before parts are trusted again: one may be right by chance, a jump is not right thrice."""
JITTER_COUNTS = 4
"""A line at rest shakes: one cycle of a four-phase encoder back and forth is no wrong direction."""
LATE_S = 0.05
"""How much later than the line moved a trigger time may be taken, where it is the host's."""


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """An encoder whose count comes with each frame. Fields mean what the settings of the same name mean."""

    chunk: str
    """Name of the chunk node."""
    counts_per_mm: float
    max_speed_mm_s: float
    modulus: int = 2**32
    """Counts go from 0 to one less and begin again."""
    is_backward: bool = False
    """The count falls while the line runs forward."""


class Encoder:
    """Follows the count from frame to frame. One thread, one acquisition."""

    def __init__(self, plan: EncoderPlan) -> None:
        self._plan = plan
        self._last: tuple[int, int] | None = None  # count, trigger_ns
        self._position = self._generation = self._owed = 0

    def follow(self, raw: int | None, trigger_ns: int) -> tuple[Travel, str | None]:
        """Take note of the count of one frame.

        Args:
            raw: What the chunk says; None when it did not come.
            trigger_ns: When the frame was triggered, monotonic.

        Returns:
            (where the line stood, why the part's place cannot be believed: None if it can). Counts after a break are
            believed again after RESYNC of them.
        """
        if raw is None:
            return Travel(-1, self._generation, self._position), "it brought no encoder count"
        if not -self._plan.modulus < raw < self._plan.modulus:
            return self._break(None, f"its encoder count {raw} is not within the modulus {self._plan.modulus}")
        raw %= self._plan.modulus  # a signed counter that ran back below 0
        if self._last is not None:
            count, then_ns = self._last
            step = self._step(raw - count)
            if not -JITTER_COUNTS <= step <= self._most(trigger_ns - then_ns):
                return self._break((raw, trigger_ns), f"the encoder went from {count} to {raw}")
            self._position += step
        self._last = raw, trigger_ns
        if self._owed:
            self._owed -= 1
        why = "the encoder is not believed again yet" if self._owed else None
        return Travel(raw, self._generation, self._position), why

    def _step(self, difference: int) -> int:
        modulus = self._plan.modulus
        difference = (difference + modulus // 2) % modulus - modulus // 2
        return -difference if self._plan.is_backward else difference

    def _most(self, passed_ns: int) -> float:
        most_mm = self._plan.max_speed_mm_s * (max(0, passed_ns) / 1e9 + LATE_S)
        return most_mm * self._plan.counts_per_mm + JITTER_COUNTS

    def _break(self, last: tuple[int, int] | None, why: str) -> tuple[Travel, str]:
        if not self._owed:  # nobody was told a place of this generation that he could believe
            self._generation += 1
        self._owed, self._last, self._position = RESYNC, last, 0
        return Travel(-1 if last is None else last[0], self._generation, 0), why
