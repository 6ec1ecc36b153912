"""What only the order of the strips tells: a defect on a seam that the strip before was rejected for."""

from __future__ import annotations

from dataclasses import replace

from edge_inspector.core.verdict import Defect
from edge_inspector.decide.seam import Seam, reaching_over, told_once
from edge_inspector.run.judge import Judged


class SeamWatch:
    """Sees every judgement in the order of the strips. Owned by the loop's thread."""

    def __init__(self, seam: Seam | None) -> None:
        """Begin; None for a line whose pictures do not overlap."""
        self._seam = seam
        self._known: tuple[Defect, ...] = ()

    def review(self, judged: Judged) -> Judged:
        """Return a judgement without what the strip before was rejected for.

        A strip that was not judged hides what it showed: after it nothing is known.
        """
        if self._seam is None:
            return judged
        known, self._known = self._known, reaching_over(judged.judgement, self._seam)
        judgement = told_once(judged.judgement, known, self._seam)
        return judged if judgement is judged.judgement else replace(judged, judgement=judgement)
