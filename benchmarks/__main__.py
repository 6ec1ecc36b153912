"""`scripts/bench`: measures every section, prints the table, compares with former runs."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from benchmarks.bench import QUICK, ROOT, Bench, Scale
from benchmarks.comparison import Regression, Run, merged, missed, read_run, regressions, write_run
from benchmarks.ear import Silent
from benchmarks.figures import Row
from benchmarks.machine import describe, is_disturbed, watched
from benchmarks.rival import RivalFailed
from benchmarks.sections import (
    camera,
    cpu,
    engine,
    engines,
    faults,
    heartbeat,
    journal,
    operations,
    paced,
    peers,
    publish,
    start,
    throughput,
)
from benchmarks.sections import gpu as gpu_section
from benchmarks.table import cells, page, terminal_table

RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
SECTIONS: dict[str, Callable[[Bench], list[Row]]] = {
    module.SECTION: module.measure
    for module in (
        throughput,
        cpu,
        paced,
        publish,
        journal,
        faults,
        start,
        heartbeat,
        camera,
        operations,
        engine,
        engines,
        peers,
    )
}


@click.command()
@click.option("--only", help=f"Sections, with commas between: {', '.join(SECTIONS)}.")
@click.option("--quick", is_flag=True, help="Minutes instead of an hour; the figures mean little.")
@click.option("--json", "result", type=click.Path(path_type=Path), help="Where the result goes and is compared with.")
@click.option("--gpu", is_flag=True, help="Measure the section gpu instead, on a computer that has one.")
@click.option("--write-docs", is_flag=True, help="Also write docs/reference/benchmarks.md.")
def main(only: str | None, quick: bool, result: Path | None, gpu: bool, write_docs: bool) -> None:
    """Measure the system beside what it is made of.

    Exit code 1: a figure misses its bar, is missing, or is over 10 % worse than in the run before or the reference.
    """
    path = result or RESULTS / ("quick.json" if quick else "latest.json")
    say = _teller()
    before = read_run(path)
    names = [gpu_section.SECTION] if gpu else _chosen(only)
    run = merged(before, _run(names, QUICK if quick else Scale(), quick, say))
    write_run(path, run)
    if write_docs:
        PAGE.write_text(page(run), encoding="utf-8")
        say(f"wrote {PAGE.relative_to(ROOT)}")
    Console(width=None if sys.stdout.isatty() else 200).print(terminal_table(run))
    sys.exit(1 if _judge(run, before) else 0)


def _run(names: list[str], scale: Scale, is_quick: bool, say: Callable[[str], None]) -> Run:
    rows: list[Row] = []
    watches: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(Path(folder), scale, say)
        for name in names:
            say(f"== {name}")
            watches[name] = {}
            with watched(watches[name]):
                try:
                    rows += _measure(name, bench)
                except (Silent, RivalFailed) as why:
                    rows.append(Row(name, "the whole section", None, note=f"failed: {_without_folders(str(why))}"))
                    say(f"failed: {why}")
            if is_disturbed(watches[name]):
                say(f"others kept {watches[name]['cores busy with others']} cores busy: absolute figures mean little")
    return Run(describe(), is_quick, watches, tuple(rows))


def _measure(name: str, bench: Bench) -> list[Row]:
    if name != gpu_section.SECTION:
        return SECTIONS[name](bench)
    if why := gpu_section.why_not(bench):
        raise click.ClickException(f"nothing is measured, since no GPU can be used here: {why}")
    return gpu_section.measure(bench)


def _without_folders(text: str) -> str:
    """Return a text without where this machine keeps its files: results are shown elsewhere."""
    return re.sub(r"[^\s'\"]*/bench-[^/]+/", "", text).replace(f"{ROOT}/", "")


def _judge(run: Run, before: Run | None) -> bool:
    """Tell what is missing or became worse; returns whether there is anything."""
    found: list[Regression] = []
    for name, former in (("the run before", before), ("the reference", read_run(RESULTS / "reference.json"))):
        worse = regressions(former, run) if former is not None else []
        for each in worse:
            click.echo(f"worse than {name}: {each}")
        found += worse
    short = missed(run.rows)
    for row in short:
        click.echo(f"bar not reached: {row.key}: {cells(row)[1]}, bar {row.bar}")
    gone = [row for row in run.rows if row.value is None and row.name == "the whole section"]
    for row in gone:
        click.echo(f"not measured: {row.section}: {row.note}")
    return bool(found or short or gone)


def _chosen(only: str | None) -> list[str]:
    names = list(SECTIONS) if only is None else [name.strip() for name in only.split(",")]
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        raise click.UsageError(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    return names


def _teller() -> Callable[[str], None]:
    console = Console(stderr=True, highlight=False)
    return lambda text: console.print(text, style="dim", soft_wrap=True, markup=False)


if __name__ == "__main__":
    main()
