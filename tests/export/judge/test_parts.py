"""From tiles to parts, and tables of scores that must not be believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_inspector.core.errors import UsageError
from export.data.scores import read_scores
from export.judge.material import read_material, unclear_parts
from export.judge.parts import checked_scores, gather, out_of_fold
from export.run_folder import RunFolder


def test_a_part_has_the_highest_margin_of_its_tiles_and_is_bad_if_one_is(make_run: Callable[..., Path]) -> None:
    scores = read_scores(make_run() / "scores.csv")

    parts = gather(scores)

    for i, name in enumerate(parts.name.tolist()):
        mine = scores.part == name
        assert parts.margin[i] == scores.margin[mine].max()
        assert parts.truth[i] == scores.truth[mine].any()
        assert parts.group[i] == scores.group[mine][0]
    assert set(parts.name.tolist()) == set(scores.part.tolist())


def test_a_part_with_too_few_masked_pixels_for_any_tile_is_left_out(
    make_run: Callable[..., Path], dataset: Path
) -> None:
    run = make_run()
    scores = read_scores(run / "scores.csv")

    unclear = unclear_parts(read_material(dataset, RunFolder(run), scores), scores)

    assert unclear == {"34.png#0"}
    assert "34.png#0" not in gather(scores, unclear).name.tolist()
    assert "34.png#256" in gather(scores, unclear).name.tolist()


def edit(run: Path, change: object) -> Path:
    file = run / "scores.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(change(lines)) + "\n")  # type: ignore[operator]
    return file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: [x[0], x[1].rsplit(",", 1)[0] + ",nan", *x[2:]], "line 2: the margin is nan"),
        (lambda x: [*x, x[1]], "holds 1 tiles twice"),
        (lambda x: [x[0], x[1].replace(",g00,", ",g01,"), *x[2:]], "group g01 stands in folds"),
        (lambda x: [x[0], x[1][:-30], *x[2:]], "damaged"),
        (lambda x: x[:1], "not a table of scores"),
        (lambda _: [""], "not a table of scores"),
    ],
)
def test_damaged_scores_are_named(make_run: Callable[..., Path], change: object, message: str) -> None:
    file = edit(make_run(), change)

    with pytest.raises(UsageError, match=message):
        checked_scores(file)


def test_a_run_without_folds_promises_nothing(make_run: Callable[..., Path]) -> None:
    file = make_run() / "scores.csv"
    scores = read_scores(file)

    with pytest.raises(UsageError, match=r"no out-of-fold scores.*--folds 5"):
        out_of_fold(scores.test, file)


def test_ok_pictures_alone_are_refused_and_so_are_defects_alone(make_run: Callable[..., Path]) -> None:
    file = make_run() / "scores.csv"
    scores = read_scores(file)

    with pytest.raises(UsageError, match=r"no DEFECT one.*label defective pictures"):
        out_of_fold(scores.of(~scores.truth), file)
    with pytest.raises(UsageError, match=r"no OK one.*add OK"):
        out_of_fold(scores.of(scores.truth), file)


def test_scores_of_another_dataset_are_named(make_run: Callable[..., Path], dataset: Path) -> None:
    run = make_run()
    file = edit(run, lambda x: [line.replace("07.png", "gone.png") for line in x])

    with pytest.raises(UsageError, match=r"1 pictures that .* does not have, first gone.png"):
        read_material(dataset, RunFolder(run), checked_scores(file))


def test_data_that_changed_since_the_training_are_named(make_run: Callable[..., Path], dataset: Path) -> None:
    run = make_run()
    (run / "config.json").write_text('{"data": {"sha256": "abc"}}')

    with pytest.raises(UsageError, match=r"changed since .* data hash|data hash"):
        read_material(dataset, RunFolder(run), read_scores(run / "scores.csv"))


def test_the_masks_of_tiles_are_those_of_their_place(make_run: Callable[..., Path], dataset: Path) -> None:
    run = make_run()
    scores = read_scores(run / "scores.csv")
    material = read_material(dataset, RunFolder(run), scores)
    bad = scores.of(scores.truth)

    masks = material.tile_masks(bad)

    assert np.array([mask.sum() for mask in masks]).tolist() == bad.mask_px.tolist() == [2500] * 12
