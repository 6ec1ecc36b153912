"""From boxes in single tiles to the defects of a part. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge_inspector.core.verdict import Defect
from edge_inspector.decide.boxes import Box

MAX_DEFECTS = 32  # the wire protocol's bound: a verdict stays a small message


@dataclass(frozen=True, slots=True)
class Sighting:
    """One box of one tile; overlapping tiles see the same defect more than once."""

    tile: int
    """Place of the tile in the grid."""
    box: Box
    """(x, y, w, h) in frame pixels."""
    score: float
    label: str


def merged_defects(sightings: Iterable[Sighting]) -> tuple[Defect, ...]:
    """Return at most 32 defects, in the order of the sightings, without those that two tiles saw alike.

    A sighting is the same defect as an earlier one of the same label from another tile when at least half of the
    smaller of both boxes lies in the other; the defect then grows to hold both. Boxes of one tile are different
    defects: they come from cells that do not touch.

    Args:
        sightings: Worst first. Read only until 32 defects are found, so that a part that is bad all over costs
            no more than a part with 32 defects.
    """
    seen: list[tuple[Sighting, Box]] = []
    for sighting in sightings:
        for place, (first, box) in enumerate(seen):
            if first.tile != sighting.tile and first.label == sighting.label and _is_same_place(box, sighting.box):
                seen[place] = (first, _around(box, sighting.box))
                break
        else:
            seen.append((sighting, sighting.box))
            if len(seen) == MAX_DEFECTS:
                break
    return tuple(Defect(*box, score=first.score, label=first.label) for first, box in seen)


def _is_same_place(one: Box, other: Box) -> bool:
    shared_w = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    shared_h = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    smaller = min(one[2] * one[3], other[2] * other[3])
    return shared_w > 0 and shared_h > 0 and 2 * shared_w * shared_h >= smaller


def _around(one: Box, other: Box) -> Box:
    left, top = min(one[0], other[0]), min(one[1], other[1])
    right = max(one[0] + one[2], other[0] + other[2])
    bottom = max(one[1] + one[3], other[1] + other[3])
    return left, top, right - left, bottom - top
