"""When and where the reject gate must act on a part. Pure.

The place follows from where the line stood at the trigger, never from when a verdict was ready: inference takes its
time, the part reaches the gate at the same count.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_inspector.core.frame import Travel
from edge_inspector.core.verdict import Firing


@dataclass(frozen=True, slots=True)
class Gate:
    """Where the gate is. Counts are those of the first camera's own encoder counter."""

    fires_after: int
    """Counts from the trigger to the command, with the sign of the counter; 0 on a line without an encoder."""
    window: int
    """Counts around that place at which the command still hits the part."""
    modulus: int
    """Counts go from 0 to one less and begin again; 0 on a line without an encoder."""


NO_GATE = Gate(0, 0, 0)
"""Of a line whose gate knows by itself where it is."""


def firing(gate: Gate, travel: Travel) -> Firing:
    """Return where the gate acts on a part that was triggered at a place of the line.

    fire = (count at the trigger + distance - lead) modulo the counter's modulus (the wire protocol's law 7).
    """
    if not gate.modulus or travel.count < 0:
        return Firing()
    return Firing((travel.count + gate.fires_after) % gate.modulus, gate.window)


def counts_to_gate(distance_mm: float, lead_mm: float, counts_per_mm: float, is_backward: bool) -> int:
    """Return the counts from trigger to command, rounded down: a command may be early by one count, not late."""
    way = int((distance_mm - lead_mm) * counts_per_mm)
    return -way if is_backward else way
