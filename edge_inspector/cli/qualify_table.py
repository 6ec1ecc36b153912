"""The table of `model qualify`, for 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import click

from edge_inspector.app.choice import Labels, reference_of
from edge_inspector.app.qualify_report import Report, Result
from edge_inspector.app.trial import Standing, Trial, ratio
from edge_inspector.cli.sheet import terminal_columns
from edge_inspector.core.verdict import Outcome

_HEAD = (
    f"  {'engine':<13}{'tiles/s':>8}{'faster':>18}{'ms a part':>15}{'ready':>8}{'memory':>8}{'golden':>7}",
    f"  {'':<13}{'':>8}{'(half of rounds)':>18}{'p50':>7}{'p99':>8}{'s':>8}{'MiB':>8}{'used':>7}",
)
_COLOUR = {Standing.REFUSED: "red", Standing.FAILED: "red", Standing.ABSENT: "bright_black"}
_WHY_CHARS = 180
"""A reason in a few words; all of it is in --json."""


def report_text(report: Report, here: dict[str, Any]) -> str:
    """Return what came out, with colours that `click.echo` leaves out where there is no terminal.

    Args:
        report: Of a line, or of a bundle.
        here: From `app.qualified.here`.
    """
    columns = terminal_columns()
    lines = [_wrapped(_how(report, here), columns)]
    for result in report.results:
        lines += ["", *_result_lines(result, columns)]
    if fit := report.fit():
        lines += [_wrapped(fit, columns)]
    return "\n".join(lines)


def _how(report: Report, here: dict[str, Any]) -> str:
    beside = "; measured BESIDE a running line: times are too long, ratios hold" if report.is_beside else ""
    return f"{here['cpu']}; {report.pace.rounds} rounds, {report.pace.turn_s:.2g} s for each engine in turn{beside}"


def _result_lines(result: Result, columns: int) -> Iterator[str]:
    first = next((trial.facts for trial in result.trials if trial.facts), None)
    size = f": {first.n_tiles} tiles a part, chunks of {' + '.join(map(str, first.chunks))}" if first else ""
    whose = "" if result.configured is None else f", camera {', '.join(result.job.cameras)}"
    yield _wrapped(f"{result.label}{whose}{size}", columns)
    yield from _HEAD
    chosen, reference = result.choice, reference_of(result.trials)
    for _, group in groupby(result.trials, key=lambda trial: (trial.candidate.provider, trial.why)):
        same = list(group)
        for trial in same:
            if trial.turns:
                yield _timed_text(trial, reference, is_chosen=chosen is not None and trial is chosen)
        if same[0].why:
            yield _refused_text(same, columns)
    if result.labels is not None and reference is not None:
        yield from _labelled_lines(result, result.labels, reference)
    for sentence in result.sentences():
        is_advice = sentence.startswith("recommended")
        yield click.style(_wrapped(sentence, columns), fg="green" if is_advice else "yellow", bold=is_advice)


def _timed_text(trial: Trial, reference: Trial | None, is_chosen: bool) -> str:
    assert trial.facts is not None  # what is proven has told them
    found = None if reference is None or trial is reference else ratio(trial, reference)
    times = "1" if found is None else f"{found.median:.2f} ({found.low:.2f}-{found.high:.2f})"
    facts = trial.facts
    row = (
        f"{'>' if is_chosen else ' '} {trial.candidate!s:<13}{_figure(trial.tiles_per_s):>8}{times:>18}"
        f"{_figure(trial.part_ms(0.5)):>7}{_figure(trial.part_ms(0.99)):>8}{facts.load_s + facts.proof_s:>8.1f}"
        f"{facts.memory_mib:>8.0f}{facts.tolerance_used:>7.1%}"
    )
    return click.style(row, bold=is_chosen)


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _refused_text(trials: list[Trial], columns: int) -> str:
    """Return the row of precisions of one engine that are out for one reason."""
    first = trials[0]
    name = f"{first.candidate.provider} {', '.join(trial.candidate.precision for trial in trials)}"
    _, marker, reason = first.why.partition(", but ")
    why = textwrap.shorten(
        reason if marker and first.standing is Standing.ABSENT else first.why, _WHY_CHARS, placeholder=" …"
    )
    word = "not here" if first.standing is Standing.ABSENT else str(first.standing).upper()
    text = _wrapped(f"  {name}: {word}: {why}", columns, indent=" " * 4)
    return click.style(text, fg=_COLOUR[first.standing])


def _labelled_lines(result: Result, labels: Labels, reference: Trial) -> Iterator[str]:
    n_ok = sum(labels.is_ok)
    yield f"{len(labels.is_ok)} labelled pictures: {n_ok} OK, {len(labels.is_ok) - n_ok} DEFECT"
    yield f"  {'engine':<13}{'DEFECT passed':>16}{'OK rejected':>14}{'UNKNOWN':>10}{'changed':>10}"
    for trial in result.trials:
        if len(trial.outcomes) != len(labels.is_ok):
            continue
        counted = labels.counted(trial, reference)
        changed = "-" if trial is reference else str(len(counted.flips))
        unknown = sum(outcome is Outcome.UNKNOWN for outcome in trial.outcomes)
        yield (f"  {trial.candidate!s:<13}{counted.escapes:>16}{counted.false_rejects:>14}{unknown:>10}{changed:>10}")


def _wrapped(text: str, columns: int, indent: str = "  ") -> str:
    return textwrap.fill(text, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
