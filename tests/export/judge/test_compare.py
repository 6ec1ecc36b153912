"""Two runs on the same groups."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from export.__main__ import export
from export.judge.compare import compare

MakeRun = Callable[..., Path]


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(export, [str(word) for word in words])


def calibrated(run: Path) -> Path:
    assert call("calibrate", run).exit_code == 0
    return run


def test_a_run_does_not_differ_from_itself(make_run: MakeRun, dataset: Path) -> None:
    a, b = calibrated(make_run("a")), calibrated(make_run("b"))

    found = compare(dataset, a, b)

    assert found.numbers["mcnemar_p"] == 1.0
    assert found.numbers["auroc"]["part"]["interval_95_by_group"] == [0.0, 0.0]
    assert "No difference between a and b that 10 groups could show" in found.conclusion


def test_a_much_better_run_is_named(make_run: MakeRun, dataset: Path) -> None:
    a, b = calibrated(make_run("good", gap=8.0)), calibrated(make_run("poor", seed=2, gap=0.6))

    found = compare(dataset, a, b)
    turned = compare(dataset, b, a)

    assert "good separates defects better than poor" in found.conclusion
    assert "good judges fewer parts wrongly than poor" in found.conclusion
    assert "good separates defects better than poor" in turned.conclusion
    assert found.numbers["a"]["only_here_wrong"] == turned.numbers["b"]["only_here_wrong"]
    assert found.numbers["mcnemar_p"] == turned.numbers["mcnemar_p"] < 0.05


def test_other_folds_of_the_same_tiles_may_be_compared(make_run: MakeRun, dataset: Path) -> None:
    found = compare(dataset, calibrated(make_run("five")), calibrated(make_run("four", folds=4)))

    assert "No difference" in found.conclusion


def test_runs_of_other_tiles_are_not_compared(make_run: MakeRun, dataset: Path) -> None:
    a, b = calibrated(make_run("a")), make_run("b")
    lines = (b / "scores.csv").read_text().splitlines()
    (b / "scores.csv").write_text("\n".join([lines[0], *lines[2:]]) + "\n")
    calibrated(b)

    result = call("compare", dataset, a, b)

    assert "did not score the same tiles: 1 stand in one alone" in str(result.exception)


def test_the_page_stands_alone(make_run: MakeRun, dataset: Path) -> None:
    a, b = calibrated(make_run("a", gap=3.0)), calibrated(make_run("b", seed=2, gap=1.5))

    result = call("compare", dataset, a, b)

    assert result.exit_code == 0, result.exception
    page = (a / "compare-b.html").read_text()
    assert "<script" not in page
    assert "src=" not in page
    assert "McNemar" in page
    assert "Parts on which they disagree" in page
    assert result.output.count("AUROC per part") == 1
