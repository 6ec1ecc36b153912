"""`gate:` where the reject gate is, and how long it takes to act."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from edge_inspector.settings.identity import EncoderSettings
from edge_inspector.settings.lines import KeyPath
from edge_inspector.settings.section import Section


class GateSettings(Section):
    """The way from the camera to the gate. Each verdict then says where, or within which time, the gate must act."""

    distance_mm: float = Field(gt=0.0, le=1e6)
    """From where a part is at its trigger to where the gate takes it off, along the line."""
    lead_ms: float = Field(default=0.0, ge=0.0, le=10_000.0)
    """From the command to the moment at which the gate has moved."""
    window_mm: float = Field(default=0.0, ge=0.0, le=1e5)
    """How far before or after that place a command still hits the part; about half its length. 0: exactly there.
    For a line with an encoder."""
    speed_mm_s: float = Field(gt=0.0, le=1e6)
    """Usual speed of the line: what `lead_ms` is in mm; without an encoder also when the part is there."""
    fastest_mm_s: float | None = Field(default=None, gt=0.0, le=1e6)
    """Fastest speed of the line: a verdict that comes later than a part may be at the gate is late. Left out: the
    usual speed."""

    @property
    def lead_mm(self) -> float:
        """How far the line moves while the gate acts, at its usual speed."""
        return self.lead_ms / 1000 * self.speed_mm_s

    @property
    def reach_ms(self) -> float:
        """From the trigger to the latest moment of the command, in ms, at the fastest speed."""
        return 1000 * self.distance_mm / (self.fastest_mm_s or self.speed_mm_s) - self.lead_ms


def gate_faults(
    gate: GateSettings, encoder: EncoderSettings | None, transport_ms: float
) -> Iterator[tuple[tuple[KeyPath, ...], str]]:
    """Return what of a gate cannot be.

    Args:
        gate: The section.
        encoder: Of the first camera; None for a line without.
        transport_ms: What counts as over when a picture arrives.
    """
    if gate.fastest_mm_s is not None and gate.fastest_mm_s < gate.speed_mm_s:
        what = f"{gate.fastest_mm_s:g} mm/s is slower than the usual {gate.speed_mm_s:g}"
        yield (("gate", "fastest_mm_s"), ("gate", "speed_mm_s")), what
    elif gate.reach_ms <= transport_ms:
        what = (
            f"a part is there {gate.reach_ms + gate.lead_ms:.1f} ms after its trigger: {gate.lead_ms:g} ms to act and "
            f"{transport_ms:g} ms until its picture is here leave no time; every part would be late"
        )
        yield (("gate", "distance_mm"), ("gate", "lead_ms")), what
    if encoder is None and gate.window_mm:
        yield (("gate", "window_mm"),), "is told in counts, and the camera has no `encoder`; leave it out"
    if encoder is not None and gate.distance_mm * encoder.counts_per_mm >= encoder.modulus / 2:
        what = (
            f"{gate.distance_mm:g} mm are {gate.distance_mm * encoder.counts_per_mm:.0f} counts, half or more of the "
            f"encoder's {encoder.modulus}: nobody could say whether a part is before or behind the gate"
        )
        yield (("gate", "distance_mm"), ("camera", "encoder", "modulus")), what
