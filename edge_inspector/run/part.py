"""One part on its way through the inspect process: what each camera brought of it, and its number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from edge_inspector.core.frame import NO_TRAVEL, U8, ArrivalKind, Travel
from edge_inspector.run.terms import Terms

Source = Literal["camera", "host"]
CLOSED_SETS = 8
"""Sets that are remembered: what a camera brings still later is taken to belong to one of those before."""


@dataclass(frozen=True, slots=True)
class View:
    """What one camera brought: an arrival with its slot."""

    kind: ArrivalKind
    frame_id: int
    trigger_ns: int
    trigger_source: Source
    pixels: U8 | None
    """Shape (h, w, c), a view of the slot; None for a kind without a picture. Valid until the part is released."""
    slot: int
    """Index of the shared-memory slot, -1 for none."""
    generation: int
    """Counts the fills of that slot; a borrower compares it to see that the picture is still the same."""
    travel: Travel = NO_TRAVEL
    """Where the line stood at its trigger."""

    @property
    def has_picture(self) -> bool:
        """Whether there is something to judge."""
        return self.kind is ArrivalKind.FRAME and self.pixels is not None


class Closed(NamedTuple):
    """What is remembered of a set that has its verdict."""

    first_ns: int
    last_ns: int
    """Between these moments its trigger was."""
    cameras: int
    """Bit n is set when camera n brought its record, in time or late."""


@dataclass(frozen=True, slots=True)
class Intake:
    """How far the rings of all cameras were taken; each tuple in the order of the cameras."""

    taken: tuple[int, ...]
    """Records of each ring that belong to parts with a verdict, or to none."""
    owed: tuple[int, ...]
    """Sets that were closed without this camera, and whose record it may still bring."""
    closed: tuple[Closed, ...] = ()
    """The newest sets, at most CLOSED_SETS, in the order of their verdicts; empty on a line of one camera."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its number, and one view for each camera of the line."""

    part_id: int
    """From 1, never reused on a line."""
    views: tuple[View | None, ...]
    """In the order of the cameras; None where one brought nothing."""
    trigger_ns: int
    """The earliest of its views', monotonic."""
    trigger_source: Source
    travel: Travel
    """Where the line stood, by the first camera."""
    intake: Intake
    """How far the rings are taken when this part has its verdict."""
    is_old: bool = False
    """A killed predecessor had it in hand, or may have had."""
    is_in_step: bool = True
    """False: nobody knows that its views are of one part."""
    terms: Terms | None = None
    """What it is judged and told under; None: as its process was started."""

    @property
    def broken(self) -> View | None:
        """The first view without a picture that came all the same; None where there is none."""
        return next((view for view in self.views if view is not None and not view.has_picture), None)

    @property
    def missing(self) -> tuple[int, ...]:
        """Places of the cameras that brought nothing."""
        return tuple(place for place, view in enumerate(self.views) if view is None)
