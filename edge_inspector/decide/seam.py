"""What two overlapping strips of a web both see is told once. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge_inspector.core.verdict import Defect, Judgement, Outcome, Reason
from edge_inspector.decide.defects import MAX_DEFECTS

CELL_PX = 32
"""A heat map is no more exact than one of its cells: the same defect may be boxed a cell further in the next strip."""


@dataclass(frozen=True, slots=True)
class Seam:
    """Where strips overlap."""

    overlap: int
    """Lines at the top of each frame that were the last ones of the frame before."""
    strip: int
    """Lines of a frame that are new."""


def reaching_over(judgement: Judgement, seam: Seam) -> tuple[Defect, ...]:
    """Return the defects of a rejected strip that the next one will see too, in the next one's pixels."""
    if judgement.outcome is not Outcome.REJECT:
        return ()
    moved = (replace(defect, y=defect.y - seam.strip) for defect in judgement.defects)
    return tuple(defect for defect in moved if defect.y + defect.h > 0)


def told_once(judgement: Judgement, known: tuple[Defect, ...], seam: Seam) -> Judgement:
    """Return a judgement without the defects that the strip before was rejected for.

    Only a defect that lies wholly in lines of the strip before is left out: whatever reaches into new lines counts
    here too. A strip of which nothing else is left passes as `below_area`, counted apart; its score stays.

    Args:
        judgement: Of a strip.
        known: What `reaching_over` gave for the strip before; empty where that was not rejected.
        seam: Where they overlap.
    """
    if judgement.outcome is not Outcome.REJECT or not known:
        return judgement
    left = tuple(d for d in judgement.defects if d.y + d.h > seam.overlap or not any(_meets(d, k) for k in known))
    if len(left) == len(judgement.defects):
        return judgement
    if left or len(judgement.defects) >= MAX_DEFECTS:  # the list is full: nobody knows what is not on it
        return replace(judgement, defects=left)
    return replace(judgement, outcome=Outcome.PASS, reason=Reason.BELOW_AREA, defects=())


def _meets(one: Defect, other: Defect) -> bool:
    return (
        one.x < other.x + other.w + CELL_PX
        and other.x < one.x + one.w + CELL_PX
        and one.y < other.y + other.h + CELL_PX
        and other.y < one.y + one.h + CELL_PX
    )
