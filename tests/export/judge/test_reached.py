"""What a run reaches counts the same parts as its report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks import reached
from export.data.scores import read_scores
from export.judge.parts import gather


def test_a_part_that_nobody_knows_is_neither_sound_nor_defective(dataset: Path, make_run: Callable[..., Path]) -> None:
    run = make_run()
    parts = gather(read_scores(run / "scores.csv").folds)
    n_defect = int(parts.truth.sum())

    told = reached.table(dataset, run)

    # The first row of picture 34 has masked pixels and no DEFECT tile.
    assert told[4].startswith(f"parts: {len(parts) - n_defect - 1} OK, {n_defect} DEFECT;")
