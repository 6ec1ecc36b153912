"""What only the order of the strips tells: a defect on a seam that the strip before was rejected for."""

from __future__ import annotations

from dataclasses import replace

from edge_inspector.core.verdict import Defect
from edge_inspector.decide.seam import Seam, reaching_over, told_once
from edge_inspector.run.judge import Seen


class SeamWatch:
    """Sees every strip of one camera in their order. Owned by the loop's thread."""

    def __init__(self, seam: Seam | None) -> None:
        """Begin; None for a line whose pictures do not overlap."""
        self._seam = seam
        self._known: tuple[Defect, ...] = ()

    def review(self, seen: Seen) -> Seen:
        """Return a strip's view without what the strip before was rejected for.

        A strip that was not judged hides what it showed: after it nothing is known.
        """
        if self._seam is None:
            return seen
        known, self._known = self._known, reaching_over(seen.judgement, self._seam)
        judgement = told_once(seen.judgement, known, self._seam)
        return seen if judgement is seen.judgement else replace(seen, judgement=judgement)
