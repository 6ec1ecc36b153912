"""From what each camera's view says to what the part is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edge_inspector.core.verdict import Judgement, Outcome, Reason

_RANK = {Outcome.PASS: 0, Outcome.UNKNOWN: 1, Outcome.REJECT: 2}


def lead_of(judgements: Sequence[Judgement]) -> int:
    """Return the place of the judgement that decides: REJECT before UNKNOWN before PASS, then by score, then the first.

    A defect that one camera saw is a defect, whatever another could not see; both reject.
    """
    return max(range(len(judgements)), key=lambda place: (*_weight(judgements[place]), -place))


def together(judgements: Sequence[Judgement]) -> Judgement:
    """Return the judgement of a part from those of its views, at least one.

    Outcome, reason, score and label are those of the view that decides; tiles are counted over all views. Defects and
    zones stay with the view that they are of, since their pixels are its own.
    """
    if len(judgements) == 1:
        return judgements[0]
    return replace(
        judgements[lead_of(judgements)],
        defects=(),
        zones=(),
        hits=(),
        n_tiles=sum(one.n_tiles for one in judgements),
        n_defect_tiles=sum(one.n_defect_tiles for one in judgements),
    )


def _weight(judgement: Judgement) -> tuple[int, bool, float]:
    score = -1.0 if judgement.score is None else judgement.score
    return _RANK[judgement.outcome], judgement.reason is Reason.BELOW_AREA, score
