"""The table of parts says loudly when gates do not obey what it shows."""

from __future__ import annotations

import io

from rich.console import Console

from edge_inspector.cli.board import Board

BEAT = {"ready": True, "faults": [], "state": "Ready"} | dict.fromkeys(
    ("triggers", "passes", "rejects", "unknowns", "in_flight"), 1
)
PART = {"part_id": 7, "verdict": "PASS", "reason": "ok", "score": 0.1, "defects": [], "latency_us": 900}


def test_lines_say_that_a_drill_begins_and_ends_and_mark_each_part_of_it() -> None:
    out = io.StringIO()
    board = Board(Console(file=out, width=120), "line", None)

    board.status(BEAT)
    board.status(BEAT, is_drill=True)
    board.part(PART, is_drill=True)
    board.status(BEAT, is_drill=True)
    board.status(BEAT)
    board.part(PART)

    lines = out.getvalue().splitlines()
    assert lines[0] == "DRILL is ON: gates release nothing"
    assert lines[1].startswith("part 7  PASS drill ")
    assert lines[2] == "DRILL is off: the line is at work"
    assert "drill" not in lines[3]


def test_a_live_table_shows_drill_and_bypass_beside_each_other() -> None:
    out = io.StringIO()
    board = Board(Console(file=out, width=120, force_terminal=True), "line", None)

    with board.shown():
        board.part(PART, is_drill=True)
        board.status(BEAT, is_bypass=True, is_drill=True)

    shown = out.getvalue()
    assert "IN A DRILL: GATES RELEASE NOTHING" in shown
    assert "BYPASS IS ON: DEFECTS PASS" in shown
    assert " drill" in shown  # beside PASS, in a colour of its own
