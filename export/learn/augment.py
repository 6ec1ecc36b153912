"""Variations of tiles that neither move a defect out of its tile nor hide it."""

from __future__ import annotations

import torch
from torch import Tensor


def augment(tiles: Tensor, generator: torch.Generator) -> Tensor:
    """Return the tiles flipped and lit otherwise.

    Args:
        tiles: uint8 (n, h, w, 3).
        generator: Source of chance.
    """
    n = len(tiles)
    for axis in (1, 2):  # both flips together are half a turn; a quarter turn would turn the grinding direction
        flip = torch.rand(n, generator=generator) < 0.5
        tiles = torch.where(flip.view(n, 1, 1, 1), tiles.flip(axis), tiles)
    # Light and white balance as lamps and oil change them. Multiplied, not added: what is darker than its
    # surroundings stays so, even in a picture that is nearly black.
    exposure = 0.7 + 0.65 * torch.rand(n, 1, 1, 1, generator=generator)
    tint = 0.93 + 0.14 * torch.rand(n, 1, 1, 3, generator=generator)
    return (tiles.float() * exposure * tint).clamp(0.0, 255.0).to(torch.uint8)


def seeded(*numbers: int) -> torch.Generator:
    """Return a source of chance that depends on the numbers alone: a resumed run needs no memory of it."""
    mixed = 0
    for number in numbers:
        mixed = (mixed * 1_000_003 + number + 1) % (2**63 - 25)
    return torch.Generator().manual_seed(mixed)
