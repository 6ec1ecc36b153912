"""Variations of tiles that neither move a defect out of its tile nor hide it."""

from __future__ import annotations

import cv2
import torch
from torch import Tensor

BLUR_PX = (0.8, 3.5)
"""Sigma of what is out of focus, from hardly to plainly. What is smaller than a few pixels is gone at the upper end."""


def augment(tiles: Tensor, generator: torch.Generator, blur: float = 0.0) -> Tensor:
    """Return the tiles flipped and lit otherwise, some of them out of focus.

    Args:
        tiles: uint8 (n, h, w, 3).
        generator: Source of chance.
        blur: Share of the tiles that are out of focus.
    """
    n = len(tiles)
    for axis in (1, 2):  # both flips together are half a turn; a quarter turn would turn the grinding direction
        flip = torch.rand(n, generator=generator) < 0.5
        tiles = torch.where(flip.view(n, 1, 1, 1), tiles.flip(axis), tiles)
    # Light and white balance as lamps and oil change them. Multiplied, not added: what is darker than its
    # surroundings stays so, even in a picture that is nearly black.
    exposure = 0.7 + 0.65 * torch.rand(n, 1, 1, 1, generator=generator)
    tint = 0.93 + 0.14 * torch.rand(n, 1, 1, 3, generator=generator)
    tiles = (tiles.float() * exposure * tint).clamp(0.0, 255.0).to(torch.uint8)
    return _out_of_focus(tiles, generator, blur) if blur else tiles


def _out_of_focus(tiles: Tensor, generator: torch.Generator, blur: float) -> Tensor:
    chosen = torch.rand(len(tiles), generator=generator) < blur
    low, high = BLUR_PX
    sigmas = low + (high - low) * torch.rand(len(tiles), generator=generator)
    for place in chosen.nonzero().flatten().tolist():
        blurred = cv2.GaussianBlur(tiles[place].numpy(), (0, 0), float(sigmas[place]))
        tiles[place] = torch.from_numpy(blurred)
    return tiles


def seeded(*numbers: int) -> torch.Generator:
    """Return a source of chance that depends on the numbers alone: a resumed run needs no memory of it."""
    mixed = 0
    for number in numbers:
        mixed = (mixed * 1_000_003 + number + 1) % (2**63 - 25)
    return torch.Generator().manual_seed(mixed)
