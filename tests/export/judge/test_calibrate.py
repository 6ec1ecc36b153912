"""The step `calibrate`, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from export.__main__ import export
from export.data.scores import COLUMNS, read_scores
from export.judge.calibrate import choice_of, load_calibration
from export.judge.fit import fit
from export.judge.limit import Choice
from export.judge.parts import gather


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(export, [str(word) for word in words])


def test_the_limit_keeps_the_recall_of_parts_and_the_file_says_so(make_run: Callable[..., Path]) -> None:
    run = make_run()

    result = call("calibrate", run, "--recall", "0.9")

    assert result.exit_code == 0, result.output
    found, parts = load_calibration(run), gather(read_scores(run / "scores.csv").folds)
    assert found.counts(parts.margin)[parts.truth].mean() >= 0.9
    assert (found.recall, found.method, found.choice) == (0.9, "platt", {"by": "recall", "per": "part", "recall": 0.9})
    assert found.ece is not None
    assert found.bounds["defect"] == parts.truth.sum()
    assert found.bounds["more_defects_if_none_escapes"] > 0
    assert "more bad parts, none of which may escape" in result.output


def test_the_same_scores_give_the_same_bytes(make_run: Callable[..., Path]) -> None:
    files = []
    for name in ("a", "b"):
        run = make_run(name)
        assert call("calibrate", run).exit_code == 0
        files.append((run / "calibration.json").read_bytes())

    assert files[0] == files[1]


def test_the_test_split_has_no_say(make_run: Callable[..., Path]) -> None:
    files = []
    for name in ("all", "train"):
        run = make_run(name)
        if name == "train":
            lines = (run / "scores.csv").read_text().splitlines()
            fold = COLUMNS.index("fold")
            kept = [line for line in lines if line.split(",")[fold] != "-1"]
            assert len(kept) < len(lines)
            (run / "scores.csv").write_text("\n".join(kept) + "\n")
        assert call("calibrate", run).exit_code == 0
        files.append((run / "calibration.json").read_bytes())

    assert files[0] == files[1]


def test_what_is_promised_was_counted_with_limits_of_the_other_folds(make_run: Callable[..., Path]) -> None:
    run = make_run(gap=0.7, seed=3)
    call("calibrate", run, "--recall", "0.75")
    found, tiles = load_calibration(run), read_scores(run / "scores.csv").folds
    parts, escapes, differs = gather(tiles), 0, False

    for number in range(5):
        others = tiles.of(tiles.fold != number)
        theirs, mine = fit(others, gather(others), "platt", Choice(recall=0.75)), parts.of(parts.fold == number)
        escapes += int((mine.truth & ~theirs.counts(mine.margin)).sum())
        differs |= theirs.counts(mine.margin).tolist() != found.counts(mine.margin).tolist()

    assert found.bounds["escapes"] == escapes
    assert differs  # or this test could not tell the shipped limit from the others


def test_costs_at_which_no_limit_is_worth_its_rejects_leave_no_calibration(make_run: Callable[..., Path]) -> None:
    run = make_run(gap=0.3)

    result = call("calibrate", run, "--escape-cost", "1", "--false-reject-cost", "100", "--defect-rate", "0.002")

    assert result.exit_code != 0
    assert "cheapest to reject no part: 0.002 a part" in str(result.exception)
    assert not (run / "calibration.json").exists()


def test_costs_are_written_down_with_the_rate_they_hold_for(make_run: Callable[..., Path]) -> None:
    run = make_run(gap=2.0)
    costs = ["--escape-cost", "200", "--false-reject-cost", "1.5", "--defect-rate", "0.002"]

    result = call("calibrate", run, "--method", "temperature", *costs)

    assert result.exit_code == 0, result.output
    found = load_calibration(run)
    assert found.shift == 0.0
    assert choice_of(found).defect_rate == 0.002
    assert found.recall is None
    low, high = found.bounds["expected_cost_bounds"]
    assert low <= found.bounds["expected_cost_per_part"] <= high
    assert "0.200% defective parts on the line (not their share among the pictures)" in result.output


@pytest.mark.parametrize(
    "words",
    [
        ["--escape-cost", "200"],
        ["--escape-cost", "2", "--false-reject-cost", "1", "--defect-rate", "0.1", "--recall", "0.9"],
        ["--escape-cost", "2", "--false-reject-cost", "1", "--defect-rate", "0.1", "--per", "tile"],
    ],
)
def test_half_a_choice_is_no_choice(make_run: Callable[..., Path], words: list[str]) -> None:
    result = call("calibrate", make_run(), *words)

    assert result.exit_code != 0
    assert "--defect-rate together" in str(result.exception)


def test_labels_that_are_swapped_leave_no_calibration(make_run: Callable[..., Path]) -> None:
    run = make_run(gap=-4.0)

    result = call("calibrate", run)

    assert "falls where defects are" in str(result.exception)
    assert not (run / "calibration.json").exists()


def test_a_run_without_scores_names_the_step(tmp_path: Path) -> None:
    assert "run first: python -m export train" in str(call("calibrate", tmp_path).exception)


def test_a_part_that_nobody_can_name_counts_for_nothing_when_the_dataset_is_given(
    make_run: Callable[..., Path], dataset: Path
) -> None:
    run = make_run()
    blind = call("calibrate", run)
    without = load_calibration(run).bounds["ok"]

    seeing = call("calibrate", run, "--dataset", dataset)

    assert "give --dataset" in blind.output
    assert "give --dataset" not in seeing.output
    assert load_calibration(run).bounds["ok"] == without - 1


def test_a_damaged_calibration_is_named(make_run: Callable[..., Path]) -> None:
    run = make_run()
    for text in ("{", "[]", json.dumps({"scale": -1.0, "shift": 0, "limit": 0.5}), json.dumps({"scale": 1.0})):
        (run / "calibration.json").write_text(text)

        with pytest.raises(Exception, match=r"damaged.*export calibrate"):
            load_calibration(run)
