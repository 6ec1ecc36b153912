from __future__ import annotations

from edge_inspector.core.verdict import Defect, Judgement, Outcome, Reason, Stages
from edge_inspector.decide.seam import Seam
from edge_inspector.run.judge import Judged, unknown
from edge_inspector.run.seam_watch import SeamWatch

SEAM = Seam(overlap=64, strip=192)


def rejected(y: int) -> Judged:
    defects = (Defect(0, y, 32, 32, 0.9, "DEFECT"),)
    return Judged(Judgement(Outcome.REJECT, Reason.DEFECT, 0.9, "DEFECT", defects, 8, 1), Stages())


def outcomes(watch: SeamWatch, *strips: Judged) -> list[Outcome]:
    return [watch.review(strip).judgement.outcome for strip in strips]


def test_a_defect_on_the_seam_rejects_one_strip() -> None:
    assert outcomes(SeamWatch(SEAM), rejected(200), rejected(8)) == [Outcome.REJECT, Outcome.PASS]


def test_after_a_strip_that_was_not_judged_everything_is_told() -> None:
    lost = Judged(unknown(Reason.FRAME_LOST), Stages())

    assert outcomes(SeamWatch(SEAM), rejected(200), lost, rejected(8))[2] is Outcome.REJECT


def test_pictures_that_do_not_overlap_are_left_alone() -> None:
    assert outcomes(SeamWatch(None), rejected(200), rejected(8)) == [Outcome.REJECT, Outcome.REJECT]
