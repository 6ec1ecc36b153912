"""`python -m benchmarks.belt`: the trial, as a table. Exit code 1 when a bad part got past or a gate acted too late."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.belt.trial import Plan, Report, run_trial
from benchmarks.bench import ROOT


@click.command()
@click.option("--seconds", default=60.0, show_default=True)
@click.option("--rate", default=50.0, show_default=True, help="Parts per second at nominal speed.")
@click.option("--seed", default=1, show_default=True)
@click.option("--keys", "has_keys", is_flag=True, help="Encrypt the endpoints; each gate has a key.")
@click.option("--sections", type=click.Path(path_type=Path), help="YAML with further blocks for the line.")
def main(seconds: float, rate: float, seed: int, has_keys: bool, sections: Path | None) -> None:
    """Let parts pass the daemon and two gates while it is stalled, and killed once for 1.5 s."""
    sys.path.insert(0, str(ROOT / "tests"))  # its tiny bundle truly tells spots from metal
    from fakes.tiny_bundle import write_tiny_bundle

    extra = yaml.safe_load(sections.read_text("utf-8")) if sections else {}
    with tempfile.TemporaryDirectory(prefix="belt-") as folder:
        bundle = write_tiny_bundle(Path(folder) / "bundle", channels=1)
        plan = Plan(seconds=seconds, parts_per_s=rate, seed=seed, has_keys=has_keys, sections=extra)
        reports = run_trial(plan, bundle)
    Console(width=None if sys.stdout.isatty() else 160).print(table(reports))
    for name, report in reports.items():
        if report.late_acts:
            held = ", ".join(f"{ms:.1f} ms" for ms in report.held_up_ms)
            print(f"{name}: where it released too late its program was held up for {held}")
    sys.exit(1 if any(report.escaped or report.late_acts or report.undecided for report in reports.values()) else 0)


def table(reports: dict[str, Report]) -> Table:
    """Return a row for each gate."""
    found = Table("gate", "parts", "bad", "bad released", "released too late", "good released", "good ejected", "why")
    for name, report in reports.items():
        why = ", ".join(f"{n} {reason}" for reason, n in report.good_ejected.most_common())
        numbers = (report.parts, report.bad, report.escaped, report.late_acts, report.good_released)
        found.add_row(name, *(str(n) for n in numbers), str(report.good_ejected.total()), why)
    return found


if __name__ == "__main__":
    main()
