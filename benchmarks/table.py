"""The table: on a terminal, and as a page of the documentation. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from benchmarks.comparison import Run
from benchmarks.figures import Row

COLUMNS = ("figure", "value", "bar", "", "n", "least..most", "CPU ms / of other", "note")


def cells(row: Row) -> tuple[str, ...]:
    """Return a row of the table as text, in the order of `COLUMNS`."""
    verdict = {None: "", True: "ok", False: "not reached"}[row.is_ok]
    low_high = "" if row.low is None or row.high is None else f"{number(row.low)}..{number(row.high)}"
    cpu = "" if row.cpu_ms is None else number(row.cpu_ms)
    if row.bare_cpu_ms is not None:
        cpu += f" / {number(row.bare_cpu_ms)}"
    value = "none" if row.value is None else f"{number(row.value)} {row.unit}".strip()
    return (row.name, value, str(row.bar or ""), verdict, str(row.n), low_high, cpu, row.note)


def terminal_table(run: Run) -> Table:
    """Return the table for a terminal, a rule between sections."""
    table = Table(*COLUMNS, title="benchmarks" + (" (quick: the figures mean little)" if run.is_quick else ""))
    for section in run.sections:
        for row in _of(run, section):
            style = "red" if row.is_ok is False else ""
            table.add_row(*cells(row), style=style)
        table.add_section()
    return table


def page(run: Run) -> str:
    """Return the page of the documentation, in Markdown."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `./scripts/bench --write-docs`. What is measured and how, and what the figures mean:",
        "[performance](../explanation/performance.md).",
        "",
        *(["A quick run: the figures mean little.", ""] if run.is_quick else []),
        "Machine: " + ", ".join(f"{name} {value}" for name, value in run.machine.items()) + ".",
        "",
    ]
    for section, watch in run.sections.items():
        lines += [f"## {section}", "", _sentence(watch), ""]
        lines += ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
        lines += ["| " + " | ".join(cell.replace("|", "/") for cell in cells(row)) + " |" for row in _of(run, section)]
        lines.append("")
    return "\n".join(lines)


def number(value: float) -> str:
    """Return a number with three digits that say something; whole from 100 on."""
    if value == int(value) and abs(value) < 100:
        return str(int(value))
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _of(run: Run, section: str) -> Iterable[Row]:
    return (row for row in run.rows if row.section == section)


def _sentence(watch: object) -> str:
    assert isinstance(watch, dict)
    return ", ".join(f"{name} {value}" for name, value in watch.items()) + "."
