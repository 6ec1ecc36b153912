"""How a gate is built: where its part sensor is, how far its actuator, what it believes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """All numbers of a gate. Times in µs, places in counts of the gate's own encoder.

    The gate has a part sensor of its own: at the camera, at the gate, or anywhere between. A verdict says when, or at
    which count, its part was at the camera; an offset leads from there to the sensor, `travel` from the sensor to the
    last moment at which the actuator can still be switched.
    """

    match: Literal["time", "encoder"] = "time"
    """How a verdict finds its part at the sensor. `encoder` needs `camera.encoder` on the line and one here."""
    window: int
    """How far from the expected moment (µs) or count the part may be. Under half of the shortest distance of parts."""
    expect_from: Literal["trigger", "deadline"] = "trigger"
    """With `match: time`: the moment counts from the part's trigger, or from the deadline that the line gives."""
    offset_us: int = 0
    """From there to the own sensor, with `match: time`; may be negative."""
    offset_enc: int = 0
    """Own counts from the trigger to the own sensor, where an encoder is used; 0 for the camera's own sensor."""
    travel_by: Literal["time", "encoder"] = "time"
    """How a part is followed from the sensor to the gate. Time is right at one constant speed only."""
    travel: int
    """From the sensor to the last moment to act, in µs or counts. A line that gives `fire_enc` overrides it."""
    ahead: int
    """So long (µs or counts) before that the gate decides; at least as long as a turn of your loop."""
    least: int | None = None
    """With less than this left (µs or counts) nothing is released: deciding and the output take their time, and the
    computer may have been slow to look. None: a quarter of `ahead`."""
    margin_us: int = 2_000
    """Taken off the line's `budget_us`: the network and the output's own delay."""
    counts_per_camera_count: float = 1.0
    """Counts of the own encoder for one count of the camera's."""
    believes_simulated: bool = False
    """Release parts on the word of a simulated camera. For a desk; never on a line."""
    believes_drill: bool = False
    """Release parts during a drill of the reject path."""
    believes_bypass: bool = False
    """Release parts that a person's bypass lets pass."""
    stop_after_missing: int | None = None
    """Ask for a stop of the line after so many parts in a row without a verdict; None never."""
    stop_after_rejects: int | None = None
    """Ask for a stop of the line after so many rejected parts in a row, whatever the cause; None never."""

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that cannot be meant."""
        if self.window <= 0:
            raise ValueError(f"window is {self.window}; it must be above 0")
        if not 0 < self.ahead <= self.travel:
            raise ValueError(f"ahead is {self.ahead}; it must be above 0 and at most travel, {self.travel}")
        if self.least is not None and not 0 <= self.least < self.ahead:
            raise ValueError(f"least is {self.least}; it must be 0 or more and below ahead, {self.ahead}")
        if self.margin_us < 0 or self.counts_per_camera_count <= 0:
            raise ValueError("margin_us must be 0 or more, counts_per_camera_count above 0")
        for name in ("stop_after_missing", "stop_after_rejects"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; write 1 or more, or None")

    @property
    def needs_encoder(self) -> bool:
        """Whether the gate needs an encoder of its own."""
        return "encoder" in (self.match, self.travel_by)
