"""The table on a terminal and in the documentation."""

from __future__ import annotations

import pytest
from rich.console import Console

from benchmarks.comparison import Run
from benchmarks.figures import Row, at_least, at_most
from benchmarks.table import cells, number, page, terminal_table

ROWS = (
    Row("throughput", "over bare", 0.9, "", at_least(0.95), True, 5, 0.87, 0.93, 6.1, 5.9, "bare 170 | tiles/s"),
    Row("peers", "system over a script", None, note="left out: no wheel"),
    Row("start", "ready", 1.04, "s", at_most(2.0)),
)
RUN = Run({"cpu": "chip", "cores": "2"}, True, {row.section: {"load before": "0.10"} for row in ROWS}, ROWS)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (7.0, "7"), (0.98765, "0.988"), (12.345, "12.3"), (170.4, "170"), (-0.5, "-0.5")]
)
def test_a_number_shows_the_digits_that_say_something(value: float, text: str) -> None:
    assert number(value) == text


def test_a_row_shows_value_bar_verdict_spread_and_cpu_time() -> None:
    assert cells(ROWS[0])[1:7] == ("0.9", "≥ 0.95", "not reached", "5", "0.87..0.93", "6.1 / 5.9")
    assert cells(ROWS[1])[1:4] == ("none", "", "")
    assert cells(ROWS[2])[1:4] == ("1.04 s", "≤ 2", "ok")


def test_the_page_holds_every_row_under_its_section_with_the_load() -> None:
    text = page(RUN)

    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## throughput", "## peers", "## start"]
    assert text.count("load before 0.10.") == 3
    assert "| over bare | 0.9 | ≥ 0.95 | not reached | 5 | 0.87..0.93 | 6.1 / 5.9 | bare 170 / tiles/s |" in text
    assert "A quick run" in text


def test_the_terminal_shows_every_figure() -> None:
    console = Console(width=200)
    with console.capture() as shown:
        console.print(terminal_table(RUN))

    assert [row.name for row in ROWS if row.name not in shown.get()] == []
