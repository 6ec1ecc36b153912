"""The belt, short: the real daemon, killed and stalled, and two gates that let no bad part past."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes.tiny_bundle import write_tiny_bundle

from benchmarks.belt.__main__ import table
from benchmarks.belt.trial import GATES, TRAVEL_MM, Plan, Report, _note, run_trial
from benchmarks.belt.world import COUNTS_PER_MM
from edge_inspector.client.decision import Why

if shutil.which("cc") is None:
    pytest.skip("no C compiler here", allow_module_level=True)


@pytest.mark.timeout(120)
def test_no_bad_part_is_released_and_nothing_is_done_too_late(tmp_path: Path) -> None:
    plan = Plan(seconds=9.0, kill_s=1.5, stall_every_s=1.2)

    reports = run_trial(plan, write_tiny_bundle(tmp_path / "bundle", channels=1))

    for name in GATES:
        report = reports[name]
        assert (report.escaped, report.late_acts, report.undecided) == (0, 0, 0), name
        assert report.parts > 300
        assert report.bad > 20
        assert report.good_released > 0, report.good_ejected
        assert report.parts == report.bad + report.good_released + report.good_ejected.total()
    assert len(table(reports).columns) == 8


@pytest.mark.parametrize(
    ("is_bad", "release", "way", "expected"),
    [
        (True, True, 0.0, (1, 1, 0, 0, 0)),
        (True, False, 0.0, (1, 0, 0, 0, 0)),
        (False, True, 0.0, (0, 0, 0, 1, 0)),
        (False, True, TRAVEL_MM * COUNTS_PER_MM, (0, 0, 1, 1, 0)),
        (False, False, 0.0, (0, 0, 0, 0, 1)),
    ],
)
def test_an_escape_or_a_late_act_would_be_counted(
    is_bad: bool, release: bool, way: float, expected: tuple[int, ...]
) -> None:
    report, belt = Report(), SimpleNamespace(is_bad=lambda part: is_bad, way_of=lambda part: way)

    _note(report, belt, 5, release, Why.NO_VERDICT)  # type: ignore[arg-type]

    counts = (report.bad, report.escaped, report.late_acts, report.good_released, report.good_ejected.total())
    assert counts == expected
