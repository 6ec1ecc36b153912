"""What is left of a score when some places may not speak."""

from __future__ import annotations

import numpy as np
import pytest
from zone_samples import MARGIN, score_of

from edge_inspector.decide.evidence import reaching, weakened


def test_what_is_left_is_the_score_of_the_same_tile_without_that_evidence() -> None:
    heat = np.full((1, 4, 4), -2.0, np.float32)
    heat[0, 0, 0], heat[0, 3, 3] = 40.0, 8.0
    score = score_of(float(heat.mean()))
    kept = np.ones((1, 4, 4), bool)
    kept[0, 0, 0] = False

    after = weakened(np.array([[1 - score, score]], np.float32), heat, kept, MARGIN)

    assert after[0, 1] == pytest.approx(score_of(float(heat.mean()) - 40.0 / 16), rel=1e-4)
    assert after[0].sum() == pytest.approx(1.0)


def test_with_several_labels_all_defects_shrink_alike() -> None:
    heat = np.full((1, 2, 2), -1.0, np.float32)
    heat[0, 0, 0] = 7.0
    score = score_of(1.0)
    kept = np.ones((1, 2, 2), bool)
    kept[0, 0, 0] = False

    after = weakened(np.array([[1 - score, score / 4, score * 3 / 4]], np.float32), heat, kept, MARGIN)

    assert after[0, 2] / after[0, 1] == pytest.approx(3.0, rel=1e-4)
    assert 1.0 - after[0, 0] == pytest.approx(score_of(1.0 - 7.0 / 4), rel=1e-4)


@pytest.mark.parametrize("heat", [3e38, 1e30])
def test_heat_without_measure_neither_overflows_nor_gives_a_number_that_is_none(heat: float) -> None:
    maps = np.full((1, 2, 2), heat, np.float32)
    kept = np.zeros((1, 2, 2), bool)

    after = weakened(np.array([[0.0, 1.0]], np.float32), maps, kept, MARGIN)

    assert np.isfinite(after).all()


def test_a_blob_that_reaches_into_the_zone_belongs_to_it_whole_and_another_does_not() -> None:
    heat = np.full((5, 5), -1.0, np.float32)
    heat[1, 0:3] = 2.0  # reaches into column 0
    heat[4, 4] = 2.0
    cells = np.zeros((5, 5), bool)
    cells[:, 0] = True

    kept = reaching(heat, cells)

    assert kept[1].tolist() == [True, True, True, False, False]
    assert not kept[4, 4]
    assert kept[:, 0].all()
