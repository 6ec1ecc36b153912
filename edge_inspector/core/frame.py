"""What a camera delivers: an arrival for each trigger, with or without a picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]


class ArrivalKind(IntEnum):
    """What became of one trigger. Everything but FRAME ends in UNKNOWN, with the reason beside it."""

    FRAME = 0  # a complete picture of the configured size
    LOST = 1  # a gap in the frame ids: frame_lost
    INCOMPLETE = 2  # packets missing: frame_incomplete
    INVALID = 3  # wrong size, format or unreadable file: frame_invalid
    OVERRUN = 4  # no free slot or no room in the ring: overrun
    CAMERA_LOST = 5  # the camera process died with it in hand: camera_lost
    ENCODER = 6  # nobody knows where on the line it is: encoder


PICTURED = (ArrivalKind.FRAME, ArrivalKind.ENCODER)
"""Kinds that come with a picture: it is judged only of a FRAME, kept in evidence of both."""


@dataclass(frozen=True, slots=True)
class FrameShape:
    """The size every frame of a camera has, declared in the configuration."""

    height: int
    """Pixels."""
    width: int
    """Pixels."""
    channels: int
    """1 (grey) or 3 (RGB)."""

    @property
    def hwc(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return (self.height, self.width, self.channels)

    @property
    def n_bytes(self) -> int:
        """Bytes of one frame, one byte per sample."""
        return self.height * self.width * self.channels


@dataclass(frozen=True, slots=True)
class Travel:
    """Where the line stood at a trigger, by the camera's own encoder counter."""

    count: int = -1
    """What the counter showed, from 0 to its modulus less 1; -1 where it is not known."""
    generation: int = 0
    """Rises whenever counts before and after cannot be compared: a reset, a jump, a wrong direction."""
    position: int = 0
    """Counts since the generation began, rising, without wraps."""


NO_TRAVEL = Travel()
"""Of a part on a line without an encoder."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a camera says about one trigger, in the order of the triggers."""

    kind: ArrivalKind
    frame_id: int
    """The camera's own frame number, unwrapped; -1 when there is none."""
    trigger_ns: int
    """When the trigger edge came, monotonic host time; a stated worst-case transport already taken off."""
    trigger_source: Literal["camera", "host"]
    """Whose clock gave `trigger_ns`."""
    pixels: U8 | None = None
    """Shape (h, w, c), c 1 or 3, RGB; only for PICTURED. Valid until the next `fetch`: the caller copies it."""
    travel: Travel | None = None
    """Where the line stood; None where nobody knows, or without an encoder."""
    count: int = -1
    """What the trigger counter shows when this trigger and all before it are told; -1 where there is none."""
