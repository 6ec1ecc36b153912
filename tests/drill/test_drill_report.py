"""The report: what a person reads, and that half of it is never there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_inspector.core.errors import ProcessError
from edge_inspector.drill.conduct import Row
from edge_inspector.drill.judge import Check
from edge_inspector.drill.report import About, as_json, headline, is_passed, markdown, write_whole

ABOUT = About("press-4", "0.1.0", "line.yaml", "anna", "monthly", "then", "later", 1000, 50_000)
GOOD = Row("inspect-killed", "kill -9", (Check("gate disarms", True, "after 770 ms"),), "", 770_000, 1_070_000, 15, 40)
BAD = Row("camera-lost", "kill -9", (Check("ready again", False, "not within 60.0 s"),))
SKIPPED = Row("main-killed", "kill -9", (), not_run="nothing starts this daemon again")


def test_a_person_reads_line_times_and_what_was_broken() -> None:
    text = markdown(ABOUT, [GOOD, BAD, SKIPPED])

    assert text.startswith("# Drill of line press-4: FAIL\n\n1 passed, 1 failed, 1 not run.")
    assert "| inspect-killed | kill -9 | 770 ms | 1070 ms | 40 | 15 | pass |" in text
    assert "**BROKEN**: ready again: not within 60.0 s" in text
    assert "nothing starts this daemon again" in text


def test_what_was_not_run_is_no_failure_but_nothing_run_is_no_pass() -> None:
    assert is_passed([GOOD, SKIPPED])
    assert not is_passed([SKIPPED])
    assert not is_passed([GOOD, BAD])
    assert headline([GOOD, SKIPPED]) == "1 passed, 0 failed, 1 not run"


def test_a_program_reads_the_same() -> None:
    report = json.loads(json.dumps(as_json(ABOUT, [GOOD, BAD])))

    assert (report["passed"], report["line"]) == (False, "press-4")
    assert [(drill["name"], drill["result"]) for drill in report["drills"]] == [
        ("inspect-killed", "pass"), ("camera-lost", "fail"),
    ]  # fmt: skip


def test_a_report_that_cannot_be_written_leaves_the_former_one(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "report.md"
    write_whole(path, "first")
    with pytest.raises(ProcessError, match="--output"):
        write_whole(path / "below", "second")

    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]
