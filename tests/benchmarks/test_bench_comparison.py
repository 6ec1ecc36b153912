"""What became worse since another run, and what a run keeps of a former one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.comparison import Run, merged, missed, read_run, regressions, write_run
from benchmarks.figures import Row, at_least, at_most

MACHINE = {"cpu": "chip", "cores": "2", "memory": "16 GB", "python": "3.11.2"}
RATIO = Row("throughput", "over bare", 1.0, "", at_least(0.95), is_more_better=True)
TIME = Row("start", "ready", 1.0, "s", at_most(2.0))
COUNT = Row("faults", "dropped", 0.0, "parts", at_most(0))


def run_of(*rows: Row, machine: dict[str, str] | None = None, is_quick: bool = False) -> Run:
    return Run(machine or MACHINE, is_quick, {row.section: {"load before": "0.1"} for row in rows}, rows)


@pytest.mark.parametrize(
    ("before", "now", "is_worse"),
    [
        (RATIO, 0.91, False),
        (RATIO, 0.89, True),
        (RATIO, 2.0, False),
        (TIME, 1.09, False),
        (TIME, 1.11, True),
        (TIME, 0.1, False),
        (COUNT, 0.0, False),
        (COUNT, 1.0, True),
        (replace(COUNT, grain=2.0), 2.0, False),
        (RATIO, None, True),
        (TIME, float("nan"), True),
    ],
)
def test_more_than_a_tenth_worse_is_a_regression(before: Row, now: float | None, is_worse: bool) -> None:
    found = regressions(run_of(before), run_of(replace(before, value=now)))

    assert bool(found) is is_worse


def test_another_machine_is_compared_in_ratios_alone() -> None:
    other = run_of(RATIO, TIME, machine=MACHINE | {"cpu": "faster chip"})
    now = run_of(replace(RATIO, value=0.5), replace(TIME, value=9.0))

    assert [each.key for each in regressions(other, now)] == ["throughput: over bare"]


def test_another_python_on_the_same_hardware_is_compared_in_everything() -> None:
    former = run_of(TIME, machine=MACHINE | {"python": "3.12.1"})

    assert [str(each) for each in regressions(former, run_of(replace(TIME, value=9.0)))] == ["start: ready: 1 -> 9 s"]


def test_a_quick_run_is_not_compared_with_a_full_one() -> None:
    assert regressions(run_of(RATIO, is_quick=True), run_of(replace(RATIO, value=0.1))) == []


def test_a_run_of_some_sections_keeps_the_others_of_the_former_run() -> None:
    former = run_of(RATIO, TIME)

    run = merged(former, run_of(replace(TIME, value=3.0)))

    assert {row.key: row.value for row in run.rows} == {"throughput: over bare": 1.0, "start: ready": 3.0}
    assert set(run.sections) == {"throughput", "start"}


def test_nothing_is_kept_of_another_machine_or_of_a_quick_run() -> None:
    now = run_of(TIME)

    assert merged(run_of(RATIO, machine=MACHINE | {"cores": "4"}), now) == now
    assert merged(run_of(RATIO, is_quick=True), now) == now
    assert merged(None, now) == now


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    run = run_of(RATIO, replace(TIME, low=0.9, high=1.2, note="≤ two"), COUNT)

    write_run(tmp_path / "results" / "latest.json", run)

    assert read_run(tmp_path / "results" / "latest.json") == run


def test_a_file_that_is_missing_or_of_another_format_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"format": 0}')

    assert read_run(tmp_path / "none.json") is None
    assert read_run(tmp_path / "old.json") is None


def test_rows_that_miss_their_bar_are_named() -> None:
    low = replace(RATIO, value=0.9)

    assert missed([low, TIME, COUNT]) == [low]
