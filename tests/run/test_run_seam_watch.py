from __future__ import annotations

from edge_inspector.core.verdict import Defect, Judgement, Outcome, Reason
from edge_inspector.decide.seam import Seam
from edge_inspector.run.judge import Seen, unknown
from edge_inspector.run.seam_watch import SeamWatch

SEAM = Seam(overlap=64, strip=192)


def rejected(y: int) -> Seen:
    defects = (Defect(0, y, 32, 32, 0.9, "DEFECT"),)
    return Seen(Judgement(Outcome.REJECT, Reason.DEFECT, 0.9, "DEFECT", defects, 8, 1))


def outcomes(watch: SeamWatch, *strips: Seen) -> list[Outcome]:
    return [watch.review(strip).judgement.outcome for strip in strips]


def test_a_defect_on_the_seam_rejects_one_strip() -> None:
    assert outcomes(SeamWatch(SEAM), rejected(200), rejected(8)) == [Outcome.REJECT, Outcome.PASS]


def test_after_a_strip_that_was_not_judged_everything_is_told() -> None:
    lost = Seen(unknown(Reason.FRAME_LOST))

    assert outcomes(SeamWatch(SEAM), rejected(200), lost, rejected(8))[2] is Outcome.REJECT


def test_pictures_that_do_not_overlap_are_left_alone() -> None:
    assert outcomes(SeamWatch(None), rejected(200), rejected(8)) == [Outcome.REJECT, Outcome.REJECT]
