"""A defect moved onto a sound tile: the same defect on a surface on which nobody photographed it.

What is moved is how the defect changes the light of the surface it lies on: a factor for each pixel and colour. The
surface without it is filled in from around it (Telea 2004, "An image inpainting technique based on the fast marching
method"). Multiplied, as light is, a pit stays dark on a bright surface and a glint stays bright on a dark one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import U8

RIM_PX = 3
"""Pixels about the mask that are moved too: masks are drawn by hand, and a defect's shadow lies beside it."""
SOFT_PX = 2.0
"""Sigma over which the rim fades out, so that no edge of a patch can be learned."""
FILL_PX = 5
"""Radius from which the surface is filled in."""
DARKEST = 8.0
"""Grey added before dividing: noise of a black surface would become factors of ten."""
LEAST_SHOWN = 0.5
"""Share of the defect's contrast, in grey values, that it must have where it is put. Below, it would be hidden."""
PLACES = 3
"""Places that are tried before a defect stays where it is."""

Gain = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect, cut out of its tile."""

    gain: Gain
    """What the surface is multiplied by, (h, w, 3); 1 at its edge."""
    mask: Mask
    """(h, w), what a person marked."""
    contrast: float
    """Mean difference from the surface without it over the mask, in grey values."""
    corner: tuple[int, int]
    """(y, x) in its tile."""


def take_defect(tile: U8, mask: Mask) -> Defect | None:
    """Return what a mask marks, cut out of its tile; None: nothing is marked, or all of it is.

    Args:
        tile: uint8 (h, w, 3), RGB.
        mask: (h, w).
    """
    size = 2 * RIM_PX + 1
    near = cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8))
    if not near.any() or near.all():
        return None
    surface = cv2.inpaint(tile, near, FILL_PX, cv2.INPAINT_TELEA).astype(np.float32)
    factor = (tile.astype(np.float32) + DARKEST) / (surface + DARKEST)
    fading = np.maximum(mask, cv2.GaussianBlur(near.astype(np.float32), (0, 0), SOFT_PX) * near)
    x, y, width, height = cv2.boundingRect(near)
    box = np.s_[y : y + height, x : x + width]
    contrast = float(np.abs(tile - surface)[mask].mean())
    return Defect((1.0 + (factor - 1.0) * fading[..., None])[box], mask[box], contrast, (y, x))


def put_defect(defect: Defect, sound: U8, chance: np.random.Generator) -> U8 | None:
    """Return a sound tile with the defect somewhere on it; None: it shows too little at each place that was tried.

    A defect that its own tile cut off stays at that border, or its cut would show.

    Args:
        defect: To be put.
        sound: uint8 (h, w, 3), RGB; not changed.
        chance: Of the place.
    """
    height, width = defect.mask.shape
    for _ in range(PLACES):
        y, x = (
            _place(corner, length, side, chance)
            for corner, length, side in zip(defect.corner, (height, width), sound.shape[:2], strict=True)
        )
        box = np.s_[y : y + height, x : x + width]
        surface = sound[box].astype(np.float32)
        changed = np.clip((surface + DARKEST) * defect.gain - DARKEST, 0.0, 255.0)
        if np.abs(changed - surface)[defect.mask].mean() >= LEAST_SHOWN * defect.contrast:
            tile = sound.copy()
            tile[box] = np.rint(changed)
            return tile
    return None


def _place(corner: int, length: int, side: int, chance: np.random.Generator) -> int:
    is_cut_off = corner == 0 or corner + length == side
    return corner if is_cut_off else int(chance.integers(0, side - length + 1))
