"""What a picture says of itself, before the model is asked."""

from __future__ import annotations

from dataclasses import dataclass

from edge_inspector.core.frame import Index


@dataclass(frozen=True, slots=True)
class Look:
    """Figures of one picture, what is wrong with it, and which of its tiles are worth a question."""

    brightness: float = 0.0
    """Mean grey value, 0 to 255."""
    dark_share: float = 0.0
    """Share of black pixels, 0 to 1."""
    bright_share: float = 0.0
    """Share of saturated pixels, 0 to 1."""
    sharpness: float = 0.0
    """How much neighbouring pixels differ; falls with blur. See `decide/image_health.py`."""
    fingerprint: int = 0
    """Equal for equal pictures; a real sensor never repeats one. 0: not taken."""
    troubles: tuple[str, ...] = ()
    """Names of the checks that found something, whatever their policy."""
    refuses: bool = False
    """The part is UNKNOWN `image_health`: the picture must not be judged."""
    is_fault: bool = False
    """The line is not ready until a healthy picture comes."""
    tiles: Index | None = None
    """Places in the grid of the tiles to judge, ascending; None for all."""
